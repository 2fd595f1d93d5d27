// What a drill of an endpoint said, and the mark that it leaves.
import {el, link} from './dom.js'
import {result} from './deliveries.js'
import {table} from './list.js'

const languages = {python: 'Python', node: 'Node', go: 'Go', curl: 'a request that it must refuse'}
const verdicts = {
	passed: 'It passed: it accepts what is signed rightly, and nothing else.',
	insecure: 'It is insecure.',
	inconclusive: 'Nothing can be said yet.',
	unreachable: 'It could not be reached, so nothing can be said.',
}

const listed = findings => el('ul', null, findings.map(({detail}) => el('li', null, detail, /[.?!]$/.test(detail) ? '' : '.')))

export const insecureWhy = ({insecure}) => insecure && el('div', {class: 'problem'}, el('strong', null, 'This endpoint is insecure'),
	listed(insecure.findings), insecure.since && el('p', null, 'Mend the receiver, then run the drill again: its marks go when it passes.'))

const asExpected = {true: '✓ as it should', false: '✗ not as it should', null: '? not known'}
const columns = [
	['Request', ({drill}) => drill.replace('-', ' ')],
	['Should be', ({expected}) => expected],
	['Answer', ({attempt, delivery}) => attempt ? link('deliveries/' + delivery, result(attempt)) : 'not sent'],
	['', ({as_expected: good}) => asExpected[good]],
]

function snippetsPart(snippets) {
	const code = el('pre', {class: 'payload', tabindex: '0', 'aria-label': 'Code'}, snippets.python)
	const choice = el('select', {onchange: () => { code.textContent = snippets[choice.value] }},
		Object.entries(languages).map(([language, text]) => el('option', {value: language}, text)))
	return el('div', null, el('p', null, el('label', {class: 'inline'}, 'Code that verifies what it is sent', choice)), code)
}

// Where the answer to what was signed rightly tells nothing about signatures: what it was instead.
function noVerdict({verdict, requests: [{attempt}]}) {
	if (verdict === 'insecure')
		return null
	if (attempt?.failure === 'token')
		return 'The hub got no access token for it, so nothing was sent: this tells nothing about signatures.'
	return attempt?.status >= 500 ? `It answered HTTP ${attempt.status} to a request that was signed rightly: the receiver failed, which tells nothing about signatures. Mend that first.` : null
}

// What the mark of the endpoint says stands above.
function besidesMark({findings, insecure}) {
	const marked = new Set(insecure?.findings.map(({code}) => code))
	return findings.filter(({code}) => !marked.has(code))
}

export function shownDrill(report) {
	const {verdict, requests, snippets} = report, instead = noVerdict(report)
	const findings = besidesMark(report).filter(({code}) => !instead || !['receiver_failed', 'no_token'].includes(code))
	return el('div', null,
		el('p', null, el('strong', null, instead ?? verdicts[verdict])), findings.length > 0 && listed(findings),
		table('The requests of the drill', columns, requests), !instead && snippets && snippetsPart(snippets))
}
