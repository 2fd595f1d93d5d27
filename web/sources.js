// Sources: the list, one of them with what to paste where, and making one; rejections, and their acceptance.
import {call, get, post} from './api.js'
import {ask, button, bytes, chip, duration, el, facts, link, notice, number, problemBox, time, words} from './dom.js'
import {filterForm, list} from './list.js'

const reasons = ['bad_signature', 'stale_timestamp', 'missing_header', 'unknown_source', 'disabled', 'too_large', 'malformed', 'rate_limited']
const name = source => source.uid || source.description || source.id

// By source, the latest request of the last hour that it refused, if it has taken none since.
async function refusals(filter) {
	const page = await get('/v1/rejections?since=-1h&limit=500' + filter)
	const latest = new Map()
	for (const row of page.data)
		if (row.source && !['disabled', 'rate_limited'].includes(row.reason) && !latest.has(row.source))
			latest.set(row.source, row)
	await Promise.all([...latest].map(async ([id, row]) => {
		if (row.event || (await get(`/v1/events?source=${id}&since=${row.time}&limit=1`)).data.length)
			latest.delete(id)
	}))
	return latest
}

// In the list and in the view: what keeps it from taking requests.
const state = (source, refused) => !source.enabled ? chip('disabled') : source.secret_missing ? el('span', {class: 'chip paused'}, 'waits for its secret') : refused ? el('span', {class: 'chip failing'}, 'refusing') : chip('active')

export async function sources(filter) {
	const refused = await refusals('')
	const columns = [
		['Name', source => link('sources/' + source.id, name(source))],
		['Scheme', source => [source.scheme, source.insecure && [' ', chip('insecure')]]],
		['URL', source => el('span', {class: 'url'}, source.url)],
		['Subscriber', source => source.subscriber ?? '–'],
		['State', source => state(source, refused.get(source.id))],
	]
	return el('div', null,
		el('p', {class: 'buttons'}, el('a', {class: 'button primary', href: '#/sources/new'}, 'New source'), el('a', {href: '#/rejections'}, 'Refused requests')),
		filterForm('sources', [['scheme', 'Scheme', {placeholder: 'github'}], ['q', 'Text', {placeholder: 'in uid, description'}]], filter),
		await list('/v1/sources', filter, 'Sources, newest first', columns, 'There are no sources.'))
}

// Shown on demand only; leaving the page forgets it.
function secretPart(source, failed) {
	const shown = el('div')
	async function reveal() {
		const {secret, previous} = await get(`/v1/sources/${source.id}/secret`)
		shown.replaceChildren(el('p', null, secret ? el('code', {class: 'secret'}, secret) : 'There is none yet.'),
			...previous.map(old => el('p', {class: 'faint'}, 'fits too until ', time(old.until), ': ', el('code', {class: 'secret'}, old.secret))))
	}
	const fresh = el('input', {name: 'secret', type: 'password', autocomplete: 'off', spellcheck: 'false'})
	async function set() {
		await post(`/v1/sources/${source.id}/secret/rotate`, fresh.value.trim() ? {secret: fresh.value.trim()} : {})
		fresh.value = ''
		notice('The new secret is set. The old one fits for a while, too.')
		await reveal()
	}
	return el('section', null, el('h2', null, 'Secret'), shown,
		el('p', {class: 'buttons'}, button('Reveal', reveal, failed), button('Hide', () => shown.replaceChildren(), failed)),
		el('p', {class: 'form'}, el('label', null, 'New secret (none: the hub makes one, where it may be chosen)', fresh), button('Set the new secret', set, failed)))
}

export async function source(_query, id, reload) {
	const found = await get('/v1/sources/' + encodeURIComponent(id))
	const refused = (await refusals('&source=' + found.id)).get(found.id)
	const said = el('div')
	const failed = problem => said.replaceChildren(problemBox(problem))
	const change = async (patch, done) => {
		await call('PATCH', '/v1/sources/' + found.id, patch)
		notice(done)
		reload()
	}
	const remove = async () => {
		if (await ask('Delete this source?', 'What comes to its URL is refused from now on; its events stay.', 'Delete', true)) {
			await call('DELETE', '/v1/sources/' + found.id)
			location.hash = '#/sources'
		}
	}
	return Object.assign(el('div', null,
		found.enabled && found.secret_missing && el('p', {class: 'stuck'}, 'Every request is refused until its secret is set, below. What is refused until then can be accepted afterwards.'),
		found.enabled && !found.secret_missing && refused && el('p', {class: 'stuck'}, 'It refuses what comes: ', link('rejections/' + refused.id, [words(refused.reason), refused.detail].filter(Boolean).join(', ')), ', ', time(refused.time)),
		el('p', {class: 'buttons'},
			found.enabled ? button('Disable', () => change({enabled: false}, 'The source refuses everything.'), failed)
				: button('Enable', () => change({enabled: true}, 'The source takes requests.'), failed),
			button('Delete', remove, failed, {class: 'danger'})), said,
		el('section', null, el('h2', null, 'At the provider'), el('p', null, el('code', {class: 'secret'}, found.url)), found.paste && el('p', null, found.paste)),
		facts([
			['Scheme', [found.scheme, found.insecure && [' ', chip('insecure')]]], ['Id', el('code', null, found.id)], ['Uid', found.uid],
			['State', state(found, refused)], ['Type', el('code', null, found.event_type)], ['Repetitions by', el('code', null, found.dedupe)],
			['Subscriber', found.subscriber], ['Settings', Object.keys(found.settings).join(', ')], ['Description', found.description],
			['Largest request', bytes(found.max_body_bytes)], ['Rate', found.rate && `${number(found.rate.limit)} in ${duration(found.rate.per_ms)}`],
			['Made', time(found.created_at)], ['Changed', time(found.updated_at)]]),
		secretPart(found, failed),
		el('p', null, el('a', {href: '#/events?source=' + found.id}, 'Its events'), ' ', el('a', {href: '#/rejections?source=' + found.id}, 'What it refused'))), {named: name(found)})
}

// One form for all schemes: the settings that the chosen one has stand in it.
export async function newSource() {
	const schemes = new Map((await get('/v1/schemes')).data.map(scheme => [scheme.name, scheme]))
	const said = el('div'), about = el('div')
	const submit = el('button', {type: 'submit', class: 'primary'}, 'Make the source')
	const choice = el('select', {name: 'scheme', onchange: describe}, [...schemes.values()].map(scheme => el('option', {value: scheme.name}, scheme.title)))
	const field = (key, label, attributes) => el('label', null, label, el('input', {name: key, autocomplete: 'off', spellcheck: 'false', ...attributes}))

	function describe() {
		const scheme = schemes.get(choice.value)
		about.replaceChildren(...[
			el('p', {class: 'faint'}, scheme.verified, scheme.insecure && [' ', chip('insecure')]),
			scheme.secret !== 'none' && field('secret', `Secret (${scheme.secret_name ?? 'secret'})`,
				{type: 'password', placeholder: scheme.secret === 'chosen' ? 'none: the hub makes one' : scheme.secret === 'sent' ? 'none: the provider sends it' : ''}),
			...scheme.settings.filter(setting => setting.type !== 'object').map(setting => field('setting.' + setting.name, setting.name,
				{required: setting.required, placeholder: setting.preset ?? '', title: setting.summary}))].filter(Boolean))
	}

	// A setting is text in the form; the scheme says what it is.
	const valueOf = (type, text) => type === 'integer' ? Number(text) : type === 'boolean' ? text === 'true' : text

	function documentOf(form) {
		const scheme = schemes.get(choice.value), doc = {scheme: scheme.name}, settings = {}
		for (const key of ['uid', 'secret', 'subscriber', 'public_url', 'description'])
			if (form.elements[key]?.value.trim())
				doc[key] = form.elements[key].value.trim()
		for (const setting of scheme.settings) {
			const text = form.elements['setting.' + setting.name]?.value.trim()
			if (text)
				settings[setting.name] = valueOf(setting.type, text)
		}
		return Object.keys(settings).length ? {...doc, settings} : doc
	}

	const form = el('form', {class: 'form', onsubmit: async event => {
		event.preventDefault()
		submit.disabled = true
		try {
			const made = await post('/v1/sources', documentOf(form))
			location.hash = '#/sources/' + made.id
			notice('The source was made. Its page says what to paste where.')
		} catch (problem) {
			said.replaceChildren(problemBox(problem))
		} finally {
			submit.disabled = false
		}
	}},
	el('label', null, 'Scheme', choice), field('uid', 'Your own id, which stands in the URL', {placeholder: 'github'}), about,
	field('subscriber', 'Subscriber', {placeholder: 'id or uid; none: nobody’s'}), field('public_url', 'URL that the provider calls', {type: 'url', placeholder: 'only where a proxy changes it'}),
	field('description', 'Description'), said, submit)
	describe()
	return form
}

export async function rejections(filter, _parameter, reload) {
	const said = el('div', {class: 'said'})
	const failed = problem => said.replaceChildren(problemBox(problem))
	const columns = [
		['Time', row => link('rejections/' + row.id, time(row.time))],
		['Source', row => row.source ? link('sources/' + row.source, row.name) : row.name],
		['Reason', row => [chip(words(row.reason)), row.detail && ' ' + row.detail]],
		['From', row => row.remote],
		['Bytes', row => number(row.body_bytes), 'number'],
		['Event', row => row.event ? link('events/' + row.event, 'accepted') : '–'],
	]

	async function accept() {
		const {accepted: _accepted, ...which} = filter
		const {accepted, refused} = await post('/v1/rejections/accept', {filter: which, dry_run: true})
		if (accepted === 0)
			said.replaceChildren(el('p', null, `None of them verifies now (${refused} looked at).`))
		else if (await ask(`Accept ${accepted}?`, `They verify with what their sources are set to now, and are published; ${refused} stay refused.`, `Accept ${accepted}`)) {
			let which_after = which, sum = 0
			for (;;) {
				const done = await post('/v1/rejections/accept', {filter: which_after})
				sum += done.accepted
				if (!done.next_after)
					break
				which_after = {...which, after: done.next_after}
			}
			notice(`${sum} accepted.`)
			reload()
		}
	}

	return el('div', null,
		filterForm('rejections', [['source', 'Source', {placeholder: 'id or uid'}], ['reason', 'Reason', {options: reasons}], ['remote', 'From', {placeholder: 'address'}],
			['since', 'Since', {placeholder: '-1h, or a time'}], ['until', 'Until', {placeholder: '-5m, or a time'}]], filter),
		el('p', {class: 'buttons'}, button('Accept all that fit and verify now…', accept, failed)), said,
		await list('/v1/rejections', filter, 'Refused requests, the latest first', columns, 'Nothing was refused.'))
}

export async function rejection(_query, id, reload) {
	const found = await get('/v1/rejections/' + encodeURIComponent(id))
	const said = el('div')
	const accept = async () => {
		const {data: [outcome]} = await post('/v1/rejections/accept', {ids: [found.id]})
		if (!outcome.accepted) {
			said.replaceChildren(el('p', {class: 'problem', role: 'alert'}, `Still refused: ${words(outcome.reason)}`, outcome.detail && `: ${outcome.detail}`))
			return
		}
		notice('It was accepted.')
		reload()
	}
	return el('div', null,
		el('p', {class: 'buttons'}, !found.event && !found.cut && button('Verify again and accept', accept, problem => said.replaceChildren(problemBox(problem)))), said,
		facts([['Reason', [chip(words(found.reason)), ' ', found.meaning]], ['Detail', found.detail], ['Source', found.source ? link('sources/' + found.source, found.name) : found.name],
			['Time', time(found.time)], ['From', found.remote], ['Method', found.method], ['Path', found.path], ['Content type', found.content_type],
			['Bytes', `${found.body_bytes}${found.cut ? ' (not kept whole)' : ''}`], ['Event', found.event && link('events/' + found.event, found.event)]]),
		el('h2', null, 'Headers'), el('pre', null, found.headers.map(header => `${header.name}: ${header.value}`).join('\n')),
		el('h2', null, 'Body'), el('pre', null, found.body ?? found.body_base64))
}
