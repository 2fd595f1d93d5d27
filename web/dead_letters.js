// Dead letters: filter, select, and send again or discard, after a look at how many that concerns.
import {post} from './api.js'
import {ask, button, el, problemBox} from './dom.js'
import {deliveryColumns} from './deliveries.js'
import {loadNames} from './endpoints.js'
import {filterForm, list} from './list.js'
import {progress} from './operations.js'

const reasons = ['exhausted', 'gone', 'expired', 'endpoint_disabled', 'endpoint_deleted', 'corrupt']
const letters = count => count === 1 ? '1 dead letter' : `${count} dead letters`

export async function deadLetters(filter, _parameter, reload) {
	const chosen = new Set()
	const box = row => el('input', {type: 'checkbox', 'aria-label': `Select ${row.id}`, value: row.id, onchange: event => choose(row.id, event.target.checked)})
	const all = el('input', {type: 'checkbox', onchange: () => chooseAll(all.checked)})
	await loadNames()
	const rows = await list('/v1/dead-letters', filter, 'Dead letters, the latest first',
		[['', box], ...deliveryColumns(['ended', 'type', 'endpoint', 'reason', 'attempts', 'last'])],
		Object.keys(filter).length ? 'No dead letter fits.' : 'There are no dead letters.')
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

	function show() {
		count.textContent = `${chosen.size} selected`
		all.checked = chosen.size > 0 && chosen.size === rows.rows.length
		all.indeterminate = chosen.size > 0 && !all.checked
		one.forEach(node => { node.disabled = chosen.size === 0 })
		everything.hidden = rows.rows.length === 0
		many.forEach(node => { node.hidden = rows.rows.length === 0 })
	}

	async function run(what, which) {
		said.replaceChildren()
		const {count: number} = await post('/v1/dead-letters/' + what, {...which, dry_run: true})
		if (number === 0) {
			said.replaceChildren(el('p', null, 'None of them is dead any more.'))
			return
		}
		const text = what === 'retry' ? 'They are sent to their endpoints again, each with all its attempts.' : 'They are never sent; they stay in the list of their events as cancelled.'
		const verb = what === 'retry' ? 'Retry' : 'Discard'
		if (await ask(`${verb} ${letters(number)}?`, text, `${verb} ${number}`, what === 'discard'))
			said.replaceChildren(progress(await post('/v1/dead-letters/' + what, which), reload))
	}

	const failed = problem => said.replaceChildren(problemBox(problem))
	const one = [
		button('Retry selected', () => run('retry', {ids: [...chosen]}), failed, {disabled: true}),
		button('Discard selected', () => run('discard', {ids: [...chosen]}), failed, {disabled: true})]
	const many = [
		button('Retry all that fit…', () => run('retry', {filter}), failed),
		button('Discard all that fit…', () => run('discard', {filter}), failed, {class: 'danger'})]
	rows.addEventListener('grown', show)
	show()
	return el('div', null,
		filterForm('dead-letters', [
			['endpoint', 'Endpoint', {placeholder: 'id or uid'}],
			['subscriber', 'Subscriber', {placeholder: 'id or uid'}],
			['type', 'Type', {placeholder: 'order.*'}],
			['reason', 'Reason', {options: reasons}],
			['since', 'Died since', {placeholder: '-1h, or a time'}],
			['until', 'Died until', {placeholder: '-5m, or a time'}],
			['q', 'Text', {placeholder: 'in type, subject, uid, error'}]], filter),
		el('p', {class: 'buttons'}, one, many),
		said,
		el('p', {class: 'buttons'}, everything), rows)
}
