using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

static class Webhook
{
    // Names of headers in lower case; body: the exact bytes that came, before they are parsed.
    public static bool Verify(IDictionary<string, string> headers, byte[] body)
    {
        string secret = Environment.GetEnvironmentVariable("WEBHOOK_SECRET") ?? "";
        byte[] key = Convert.FromBase64String(secret.StartsWith("whsec_") ? secret.Substring(6) : secret);
        headers.TryGetValue("webhook-id", out string id);
        headers.TryGetValue("webhook-timestamp", out string timestamp);
        headers.TryGetValue("webhook-signature", out string signatures);
        if (key.Length == 0 || !ulong.TryParse(timestamp, out ulong seconds)
            || Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - (double)seconds) > 300)
            return false;
        byte[] signed = Encoding.UTF8.GetBytes($"{id}.{timestamp}.").Concat(body).ToArray();
        using (var hmac = new HMACSHA256(key))
        {
            byte[] right = Encoding.ASCII.GetBytes("v1," + Convert.ToBase64String(hmac.ComputeHash(signed)));
            return (signatures ?? "").Split(' ').Any(one => CryptographicOperations.FixedTimeEquals(right, Encoding.UTF8.GetBytes(one)));
        }
    }
}

// if (!Webhook.Verify(headers, body)) answer 401, and do nothing else
