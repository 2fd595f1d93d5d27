// Verifies requests with the official library of Standard Webhooks. Reads one JSON object a line: {"secret", "headers", "body"}; answers each with a
// line: {"event": what the library read from the body}, or {"error": why it refused the request}.
const readline = require('node:readline');
const { Webhook } = require('standardwebhooks');

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { secret, headers, body } = JSON.parse(line);
  let answer;
  try {
    answer = { event: new Webhook(secret).verify(body, headers) };
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
