import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;

class Drive {
    public static void main(String[] args) throws Exception {
        Map<String, String> headers = new HashMap<>();
        for (String line : Files.readAllLines(Path.of(args[0]), StandardCharsets.ISO_8859_1))
            headers.put(line.substring(0, line.indexOf(": ")), line.substring(line.indexOf(": ") + 2));
        System.out.println(Webhook.verify(headers, Files.readAllBytes(Path.of(args[1]))));
    }
}
