// Building the page. Everything that comes from the hub goes in as text nodes and attributes, never as markup.

// el('a', {href: '#/', class: 'x', onclick: f}, 'text', node, null): null and false are left out.
export function el(tag, attributes, ...children) {
	const node = document.createElement(tag)
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (name.startsWith('on'))
			node.addEventListener(name.slice(2), value)
		else if (value === true)
			node.setAttribute(name, '')
		else if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, value)
	}
	node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false))
	return node
}

export const link = (path, text) => el('a', {href: '#/' + path}, text)

export const chip = word => el('span', {class: 'chip ' + word}, word)

// The API's words as people write them: "by_hand".
export const words = text => text?.replaceAll('_', ' ')

// What may be long, in a list: cut, and whole when pointed at.
export function short(text, limit = 80) {
	const letters = Array.from(text ?? '')
	return letters.length <= limit ? text : el('span', {title: text}, letters.slice(0, limit - 1).join('') + '…')
}

// In the reader's own time; in UTC when pointed at.
export function time(text) {
	if (!text)
		return '–'
	const options = {year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit'}
	return el('time', {datetime: text, title: text.replace('T', ' ').replace('Z', ' UTC')}, new Date(text).toLocaleString(undefined, options))
}

// A sentence of the hub's: its times in the reader's own, its ids as links.
export const sentence = text => text.split(/(\d{4}-\d\d-\d\dT[\d:.]+Z|dlv_\w+)/)
	.map(part => /^\d{4}-/.test(part) ? time(part) : part.startsWith('dlv_') ? link('deliveries/' + part, part) : part)

export function duration(ms) {
	const [size, unit] = [[86400000, 'd'], [3600000, 'h'], [60000, 'min'], [1000, 's']].find(([of]) => ms >= of) ?? [1, 'ms']
	return `${Math.round(ms / size * 10) / 10} ${unit}`
}

export function bytes(count) {
	const [size, unit] = [[1048576, 'MiB'], [1024, 'KiB']].find(([of]) => count >= of) ?? [1, 'bytes']
	return `${(Math.round(count / size * 10) / 10).toLocaleString()} ${unit}`
}

export const number = (count, more) => count.toLocaleString() + (more ? '+' : '')
export const plural = (count, one, many = one + 's', more) => `${number(count, more)} ${count === 1 && !more ? one : many}`

// [['Name', value], …]; a value that is null is left out.
export function facts(rows) {
	return el('dl', {class: 'facts'}, rows.filter(([, value]) => value !== null && value !== undefined && value !== '')
		.map(([name, value]) => el('div', null, el('dt', null, name), el('dd', null, value))))
}

// A button that cannot be pressed again while its work runs, yet keeps the focus; what goes wrong is shown by `failed`.
export function button(text, work, failed, attributes) {
	let busy = false
	const node = el('button', {type: 'button', ...attributes, onclick: async () => {
		if (busy)
			return
		busy = true
		node.setAttribute('aria-busy', 'true')
		try {
			await work()
		} catch (problem) {
			failed(problem)
		} finally {
			busy = false
			node.removeAttribute('aria-busy')
		}
	}}, text)
	return node
}

// Says something in its place, and brings that into view: the button may be far from it.
export function say(place, node) {
	place.replaceChildren(node)
	place.scrollIntoView({block: 'nearest'})
}

let noticeTimer
export function notice(text) {
	const node = document.getElementById('notice')
	node.textContent = text
	clearTimeout(noticeTimer)
	noticeTimer = setTimeout(() => { node.textContent = '' }, 6000)
}

// What the hub refused, field by field.
export function problemBox(problem) {
	const fields = problem.fields ?? []
	const detail = fields.length === 1 && problem.message.startsWith(fields[0].pointer) ? null : problem.message
	return el('div', {class: 'problem', role: 'alert'},
		el('strong', null, problem.title ?? 'Something went wrong'),
		detail && detail !== problem.title && el('p', null, detail),
		fields.length > 0 && el('ul', null, fields.map(field => el('li', null, el('code', null, field.pointer || '(the whole)'), ' ', field.detail))),
		problem.requestId && el('p', {class: 'faint'}, problem.requestId))
}

// Asks before something that cannot be taken back; resolves to whether to go on.
export function ask(title, text, yes, danger) {
	return new Promise(resolve => {
		const dialog = el('dialog', {'aria-labelledby': 'ask', onclose: () => { dialog.remove(); resolve(dialog.returnValue === 'yes') }},
			el('h2', {id: 'ask'}, title), el('p', null, text),
			el('p', {class: 'buttons'},
				el('button', {type: 'button', onclick: () => dialog.close()}, 'Cancel'),
				el('button', {type: 'button', class: danger ? 'danger' : 'primary', onclick: () => dialog.close('yes')}, yes)))
		document.body.append(dialog)
		dialog.showModal()
	})
}

// Answers what is asked with no: the view that asked is left.
export const dismiss = () => document.querySelectorAll('dialog').forEach(dialog => dialog.close())
