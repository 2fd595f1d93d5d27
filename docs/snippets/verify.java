import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

final class Webhook {
    /** Names of headers in lower case; body: the exact bytes that came, before they are parsed. */
    static boolean verify(Map<String, String> headers, byte[] body) throws GeneralSecurityException {
        byte[] key = Base64.getDecoder().decode(System.getenv("WEBHOOK_SECRET").replaceFirst("^whsec_", ""));
        String id = headers.getOrDefault("webhook-id", ""), timestamp = headers.getOrDefault("webhook-timestamp", "");
        if (key.length == 0 || !timestamp.matches("[0-9]{1,15}")
                || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300)
            return false;
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        byte[] right = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(StandardCharsets.UTF_8);
        for (String one : headers.getOrDefault("webhook-signature", "").split(" "))
            if (MessageDigest.isEqual(right, one.getBytes(StandardCharsets.UTF_8)))
                return true;
        return false;
    }
}

// if (!Webhook.verify(headers, body)) answer 401, and do nothing else
