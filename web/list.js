// Lists of the API as tables that grow page by page, and the forms that filter them.
import {get, query} from './api.js'
import {button, el, link, problemBox, time, words} from './dom.js'

const PAGE = 50, MOST = 500

// A column is [title, row => what its cell holds, class]; a title may be empty. On narrow screens each row becomes a block with the titles inside.
export function table(caption, columns, rows = []) {
	const body = el('tbody')
	const node = el('table', null, el('caption', {class: 'hidden'}, caption),
		el('thead', null, el('tr', null, columns.map(([title, , kind]) => el('th', {scope: 'col', class: kind}, title)))), body)
	node.add = row => body.append(el('tr', null, columns.map(([title, cell, kind]) => el('td', {'data-title': title || null, class: kind}, cell(row)))))
	rows.forEach(node.add)
	return node
}

// How many rows the reader had asked for stands in the history's entry, so that going back and reloading show them again.
const wanted = path => Math.min(history.state?.rows?.[path] ?? PAGE, MOST)
const want = (path, count) => history.replaceState({...history.state, rows: {...history.state?.rows, [path]: count}}, '')

// The list at `path`, first page included. What the hub refuses stands in its place, so that a filter can be mended. `empty` is
// said when there is nothing.
export async function list(path, filter, caption, columns, empty) {
	const rows = []
	const grid = table(caption, columns)
	const foot = el('div', {class: 'foot'})
	const node = el('div', null, grid, foot)

	async function more(cursor) {
		const page = await get(path + query({...filter, cursor, limit: cursor ? PAGE : wanted(path)}))
		page.data.forEach(row => { rows.push(row); grid.add(row) })
		if (cursor && node.isConnected)
			want(path, rows.length)
		grid.hidden = rows.length === 0
		foot.replaceChildren()
		if (page.searched_to)
			foot.append(el('p', null, 'Searched back to ', time(page.searched_to), '.'))
		if (page.next_cursor)
			foot.append(moreButton(page.next_cursor, rows.length ? 'Show more' : 'Search further'))
		else if (rows.length === 0)
			foot.append(el('p', {class: 'empty'}, empty))
		node.more = Boolean(page.next_cursor)
		node.dispatchEvent(new Event('grown'))
	}

	const failed = (problem, cursor) => foot.replaceChildren(problemBox(problem), moreButton(cursor, 'Try again'))
	const moreButton = (cursor, text) => button(text, async () => {
		const before = rows.length
		await more(cursor)
		grid.rows[before + 1]?.querySelector('a, input').focus({preventScroll: true})
	}, problem => failed(problem, cursor))

	try {
		await more()
	} catch (problem) {
		grid.hidden = true
		failed(problem)
	}
	node.rows = rows
	return node
}

// Fields are [name, label, {placeholder, options}], an option a word or [word, text]; submitting goes to `path` with what was filled in.
export function filterForm(path, fields, values) {
	return el('form', {class: 'filter', role: 'search', onsubmit: event => {
		event.preventDefault()
		const target = '#/' + path + query(Object.fromEntries(new FormData(event.target)))
		if (location.hash === target)
			dispatchEvent(new HashChangeEvent('hashchange'))
		else
			location.hash = target
	}},
	fields.map(([name, label, {options, ...attributes} = {}]) => el('label', null, label, options
		? el('select', {name}, el('option', {value: ''}, 'any'), options.map(option => [option].flat()).map(([value, text = words(value)]) => el('option', {value, selected: values[name] === value}, text)))
		: el('input', {name, value: values[name] ?? '', autocomplete: 'off', spellcheck: 'false', ...attributes}))),
	el('span', {class: 'buttons'}, el('button', {type: 'submit'}, 'Filter'), Object.keys(values).length > 0 && link(path, 'Show all')))
}

// Goes to the one thing that is named.
export function lookup(path, label, attributes) {
	const field = el('input', {required: true, autocomplete: 'off', spellcheck: 'false', ...attributes})
	return el('form', {class: 'filter', onsubmit: event => { event.preventDefault(); location.hash = `#/${path}/${encodeURIComponent(field.value.trim())}` }},
		el('label', null, label, field), el('button', {type: 'submit'}, 'Show'))
}
