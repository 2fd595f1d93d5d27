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

export function time(text) {
	if (!text)
		return '–'
	const options = {year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit'}
	return el('time', {datetime: text, title: text}, new Date(text).toLocaleString(undefined, options))
}

export const duration = ms => ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`

// [['Name', value], …]; a value that is null is left out.
export function facts(rows) {
	return el('dl', {class: 'facts'}, rows.filter(([, value]) => value !== null && value !== undefined && value !== '')
		.map(([name, value]) => el('div', null, el('dt', null, name), el('dd', null, value))))
}

// A button that cannot be pressed again while its work runs; what goes wrong is shown by `failed`.
export function button(text, work, failed, attributes) {
	const node = el('button', {type: 'button', ...attributes, onclick: async () => {
		node.disabled = true
		try {
			await work()
		} catch (problem) {
			failed(problem)
		} finally {
			node.disabled = false
		}
	}}, text)
	return node
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
		const close = answer => { dialog.close(); dialog.remove(); resolve(answer) }
		const dialog = el('dialog', {'aria-labelledby': 'ask', oncancel: event => { event.preventDefault(); close(false) }},
			el('h2', {id: 'ask'}, title), el('p', null, text),
			el('p', {class: 'buttons'},
				el('button', {type: 'button', onclick: () => close(false)}, 'Cancel'),
				el('button', {type: 'button', class: danger ? 'danger' : 'primary', onclick: () => close(true)}, yes)))
		document.body.append(dialog)
		dialog.showModal()
	})
}
