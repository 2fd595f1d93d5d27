// Dead letters: filter, select, and send again or discard, after a look at how many that concerns.
import {button, el, number} from './dom.js'
import {deliveryColumns} from './deliveries.js'
import {loadNames} from './endpoints.js'
import {filterForm, list} from './list.js'
import {countDead, repair} from './operations.js'

const reasons = ['exhausted', 'gone', 'expired', 'endpoint_disabled', 'endpoint_deleted', 'corrupt']

export async function deadLetters(filter, _parameter, reload) {
	const chosen = new Set()
	const filtered = Object.keys(filter).length > 0
	const box = row => el('input', {type: 'checkbox', 'aria-label': `Select ${row.id}`, value: row.id, onchange: event => choose(row.id, event.target.checked)})
	const all = el('input', {type: 'checkbox', onchange: () => chooseAll(all.checked)})
	await loadNames()
	const rows = await list('/v1/dead-letters', filter, 'Dead letters, the latest first',
		[['', box, 'pick'], ...deliveryColumns(['ended', 'type', 'endpoint', 'reason', 'attempts', 'last'])],
		filtered ? 'No dead letter fits.' : 'There are no dead letters: whatever was due has been delivered, or is still being tried.')
	const said = el('div', {class: 'said'})
	const count = el('span', {'aria-live': 'polite'})
	const everything = el('label', {class: 'inline'}, all, 'all that are shown: ', count)

	function choose(id, on) {
		on ? chosen.add(id) : chosen.delete(id)
		show()
	}

	function chooseAll(on) {
		for (const one of rows.querySelectorAll('tbody input')) {
			one.checked = on
			on ? chosen.add(one.value) : chosen.delete(one.value)
		}
		show()
	}

	const buttons = (what, verb) => {
		const one = button('', () => repair(what, {ids: [...chosen]}, said, reload), () => {}, {class: what === 'discard' && 'danger'})
		const many = button('', () => repair(what, {filter}, said, reload), () => {}, {class: what === 'discard' && 'danger'})
		const name = total => { many.textContent = `${verb} all${total ? ' ' + number(total) : ''}${filtered ? ' that fit' : ''}…` }
		return {one, many, verb, name}
	}
	const both = [buttons('retry', 'Retry'), buttons('discard', 'Discard')]
	const name = total => both.forEach(each => each.name(total))

	function show() {
		count.textContent = `${chosen.size} selected`
		all.checked = chosen.size > 0 && chosen.size === rows.rows.length
		all.indeterminate = chosen.size > 0 && !all.checked
		everything.hidden = rows.rows.length === 0
		for (const {one, many, verb} of both) {
			one.textContent = chosen.size ? `${verb} ${number(chosen.size)} selected…` : `${verb} selected`
			one.disabled = chosen.size === 0
			one.hidden = many.hidden = rows.rows.length === 0
		}
	}

	rows.addEventListener('grown', show)
	name(rows.more ? 0 : rows.rows.length)
	if (rows.more)
		countDead(filter).then(name, () => {})
	show()
	return el('div', null,
		filterForm('dead-letters', [
			['endpoint', 'Endpoint', {placeholder: 'id or uid'}],
			['subscriber', 'Subscriber', {placeholder: 'id or uid'}],
			['type', 'Type', {placeholder: 'order.*'}],
			['reason', 'Reason', {options: reasons}],
			['since', 'Died since', {placeholder: '-1h, or a time'}],
			['until', 'Died until', {placeholder: '-5m, or a time'}],
			['q', 'Text', {placeholder: 'type, uid, error…'}]], filter),
		el('p', {class: 'buttons'}, both.map(each => each.one), both.map(each => each.many)),
		said,
		el('p', {class: 'buttons'}, everything), rows)
}
