// Endpoints: the list, one of them with its secret, and making one.
import {get, post} from './api.js'
import {ask, button, chip, el, facts, link, notice, problemBox, time} from './dom.js'
import {filterForm, list} from './list.js'

export function name(endpoint) {
	return endpoint.uid || endpoint.description || endpoint.url
}

// Ids to names, for the lists that know only ids; the first 500 endpoints are enough of a help.
const names = new Map()
export async function loadNames() {
	const page = await get('/v1/endpoints?limit=500')
	page.data.forEach(endpoint => names.set(endpoint.id, name(endpoint)))
}
export const endpointName = id => names.get(id) ?? id

export async function endpoints(filter) {
	const columns = [
		['Name', endpoint => link('endpoints/' + endpoint.id, name(endpoint))],
		['URL', endpoint => el('span', {class: 'url'}, endpoint.url)],
		['Types', endpoint => endpoint.event_types.join(', ')],
		['Subscriber', endpoint => endpoint.subscriber ?? '–'],
		['Status', endpoint => [chip(endpoint.status), endpoint.status_reason && ' ' + endpoint.status_reason]],
	]
	return el('div', null,
		el('p', {class: 'buttons'}, el('a', {class: 'button primary', href: '#/endpoints/new'}, 'New endpoint')),
		filterForm('endpoints', [
			['status', 'Status', {options: ['active', 'paused', 'disabled']}],
			['subscriber', 'Subscriber', {placeholder: 'id or uid'}],
			['q', 'Text', {}]], filter),
		await list('/v1/endpoints', filter, 'Endpoints, newest first', columns, Object.keys(filter).length ? 'No endpoint fits.' : 'There are no endpoints.'))
}

// Shown on demand only; leaving the page forgets it.
function secretPart(endpoint, failed) {
	const shown = el('div')
	const overlap = el('select', {'aria-label': 'How long the old secret goes on signing'},
		el('option', {value: '86400000'}, 'for 24 hours'), el('option', {value: '3600000'}, 'for an hour'), el('option', {value: '0'}, 'no longer'))

	async function reveal() {
		const {secret, previous} = await get(`/v1/endpoints/${endpoint.id}/secret`)
		shown.replaceChildren(el('p', null, el('code', {class: 'secret'}, secret)),
			...previous.map(old => el('p', {class: 'faint'}, 'signs too until ', time(old.until), ': ', el('code', {class: 'secret'}, old.secret))))
	}

	async function rotate() {
		if (!await ask('Rotate the secret?', 'Deliveries are signed with a new secret from now on: the receiver must learn it.', 'Rotate', true))
			return
		await post(`/v1/endpoints/${endpoint.id}/secret/rotate`, {overlap_ms: Number(overlap.value)})
		notice('The secret was rotated.')
		await reveal()
	}

	return el('section', null, el('h2', null, 'Secret'), shown,
		el('p', {class: 'buttons'}, button('Reveal', reveal, failed), button('Hide', () => shown.replaceChildren(), failed)),
		el('p', {class: 'buttons'}, button('Rotate', rotate, failed), el('label', {class: 'inline'}, 'The old one signs ', overlap)))
}

export async function endpoint(_query, id, reload) {
	const found = await get('/v1/endpoints/' + encodeURIComponent(id))
	const said = el('div')
	const failed = problem => said.replaceChildren(problemBox(problem))
	const act = async (what, done) => {
		await post(`/v1/endpoints/${found.id}/${what}`)
		notice(done)
		reload()
	}
	const disable = async () => {
		if (await ask('Disable this endpoint?', 'It gets no more deliveries, and those that wait become dead letters.', 'Disable', true))
			await act('disable', 'The endpoint is disabled.')
	}
	return el('div', null,
		el('p', {class: 'buttons'},
			found.status === 'active' && button('Pause', () => act('pause', 'The endpoint is paused: deliveries wait.'), failed),
			found.status !== 'active' && button('Resume', () => act('resume', 'The endpoint is active.'), failed),
			found.status !== 'disabled' && button('Disable', disable, failed, {class: 'danger'})), said,
		facts([
			['Status', [chip(found.status), found.status_reason && ' ' + found.status_reason, ' since ', time(found.status_since)]],
			['Id', el('code', null, found.id)], ['Uid', found.uid], ['URL', el('span', {class: 'url'}, found.url)], ['Types', found.event_types.join(', ')],
			['Description', found.description], ['Subscriber', found.subscriber], ['Ordered', found.ordered ? 'yes' : 'no'],
			['Concurrent attempts', String(found.max_in_flight)], ['Timeout', `${found.timeout_ms} ms`], ['Made', time(found.created_at)], ['Changed', time(found.updated_at)]]),
		secretPart(found, failed),
		el('p', null, el('a', {href: '#/dead-letters?endpoint=' + found.id}, 'Its dead letters')))
}

const fields = [
	['url', 'URL', {type: 'url', required: true, placeholder: 'https://example.com/hook'}],
	['event_types', 'Event types', {required: true, placeholder: 'order.created, invoice.*'}],
	['uid', 'Your own id', {placeholder: 'billing'}],
	['subscriber', 'Subscriber', {placeholder: 'id or uid; none: events without a subscriber'}],
	['description', 'Description', {}],
]

// What the form says as the API's document; empty fields are left out.
function documentOf(form) {
	const doc = {}
	for (const [field] of fields) {
		const value = form.elements[field].value.trim()
		if (value)
			doc[field] = field === 'event_types' ? value.split(/[\s,]+/).filter(Boolean) : value
	}
	if (form.elements.ordered.checked)
		doc.ordered = true
	return doc
}

export async function newEndpoint() {
	const said = el('div')
	const submit = el('button', {type: 'submit', class: 'primary'}, 'Make the endpoint')
	const form = el('form', {class: 'form', onsubmit: async event => {
		event.preventDefault()
		submit.disabled = true
		try {
			const made = await post('/v1/endpoints', documentOf(form))
			location.hash = '#/endpoints/' + made.id
			notice('The endpoint was made. Give its secret to the receiver: Reveal shows it.')
		} catch (problem) {
			said.replaceChildren(problemBox(problem))
			for (const [field] of fields)
				form.elements[field].setAttribute('aria-invalid', problem.fields.some(bad => bad.pointer.split('/')[1] === field))
		} finally {
			submit.disabled = false
		}
	}},
	fields.map(([field, label, attributes]) => el('label', null, label, el('input', {name: field, autocomplete: 'off', spellcheck: 'false', ...attributes}))),
	el('label', {class: 'inline'}, el('input', {type: 'checkbox', name: 'ordered'}), 'Ordered: one delivery after the other'),
	said, submit)
	return form
}
