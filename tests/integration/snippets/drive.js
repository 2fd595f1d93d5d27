// Run behind the snippet, in one file with it: node receiver.cjs HEADERS BODY.
const fs = require('node:fs')
const lines = fs.readFileSync(process.argv[2], 'latin1').split('\n').filter(line => line)
const headers = Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]))
console.log(verify(headers, fs.readFileSync(process.argv[3])))
