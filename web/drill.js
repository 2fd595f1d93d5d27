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

const listed = findings => el('ul', null, findings.map(({detail}) => el('li', null, detail, '.')))

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

export const shownDrill = ({verdict, requests, findings, snippets}) => el('div', null,
	el('p', null, el('strong', null, verdicts[verdict])), findings.length > 0 && listed(findings),
	table('The requests of the drill', columns, requests), snippets && snippetsPart(snippets))
