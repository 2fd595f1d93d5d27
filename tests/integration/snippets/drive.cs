using System;
using System.Collections.Generic;
using System.IO;

static class Drive
{
    static void Main(string[] args)
    {
        var headers = new Dictionary<string, string>();
        foreach (string line in File.ReadAllLines(args[0]))
            headers[line.Substring(0, line.IndexOf(": "))] = line.Substring(line.IndexOf(": ") + 2);
        Console.WriteLine(Webhook.Verify(headers, File.ReadAllBytes(args[1])) ? "true" : "false");
    }
}
