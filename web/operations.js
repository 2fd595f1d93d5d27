// Bulk work: begun after a look at how many it concerns, and its progress.
import {call, get, post} from './api.js'
import {ask, button, el, notice, number, plural, problemBox, say, time} from './dom.js'

const EVERY_MS = 500

const kinds = {
	retry: 'Retry', discard: 'Discard', recover: 'Recovery',
	drain_disabled: 'End of a disabled endpoint’s deliveries', drain_deleted: 'End of a deleted endpoint’s deliveries', erase: 'Erasure',
}
const kind = operation => kinds[operation.kind] ?? operation.kind

// A recovery's total is the least it can be.
function amount(operation) {
	const seen = operation.done + operation.skipped
	return `${number(operation.done)} of ${number(Math.max(operation.total, seen))}`
		+ (operation.skipped ? `, ${number(operation.skipped)} skipped: their endpoint is disabled or deleted, they expired, or their event was erased` : '')
}

export const ended = operation => el('li', null, kind(operation), ': ', operation.state, ', ', amount(operation), ', ', time(operation.ended_at))

// Follows the operation as long as it is on the page; calls `over` when it is done.
export function progress(operation, over) {
	const bar = el('progress', {'aria-label': kind(operation)})
	const text = el('span', {class: 'progress-text'})
	const node = el('div', {class: 'operation'}, el('strong', null, kind(operation)), bar, text,
		!operation.kind.startsWith('drain') && operation.kind !== 'erase' && button('Stop', () => call('DELETE', '/v1/operations/' + operation.id), problem => notice(problem.message)))

	function show(now) {
		bar.max = Math.max(now.total, 1)
		bar.value = now.done + now.skipped
		text.textContent = amount(now)
	}

	async function follow() {
		if (!node.isConnected)
			return
		try {
			const now = await get('/v1/operations/' + operation.id)
			if (!node.isConnected)
				return
			show(now)
			if (now.state !== 'running') {
				notice(`${kind(now)}: ${now.state}, ${amount(now)}`)
				over()
				return
			}
		} catch (problem) {
			text.textContent = problem.message
		}
		setTimeout(follow, EVERY_MS)
	}

	show(operation)
	setTimeout(follow, EVERY_MS)
	return node
}

const bulk = {
	retry: {verb: 'Retry', text: 'They are sent to their endpoints again, each with all its attempts.'},
	discard: {verb: 'Discard', text: 'They are given up: they stay among the deliveries as cancelled, where each can only be sent one by one.', danger: true},
}

// As a discard, because a retry towards a disabled endpoint is refused.
export const countDead = async filter => (await post('/v1/dead-letters/discard', {filter, dry_run: true})).count

// A filter that ends now, by the hub's clock: what dies between the count and the yes was not agreed to.
const frozen = async which => which.ids || which.filter.until ? which : {filter: {...which.filter, until: (await get('/v1/stats')).at}}

// Retries or discards dead letters: {ids} or {filter}. `said` is where the progress and what goes wrong are shown.
export async function repair(what, which, said, over) {
	const {verb, text, danger} = bulk[what]
	said.replaceChildren()
	try {
		const chosen = await frozen(which)
		const {count} = await post('/v1/dead-letters/' + what, {...chosen, dry_run: true})
		if (count === 0)
			say(said, el('p', null, 'None of them is dead any more.'))
		else if (await ask(`${verb} ${plural(count, 'dead letter')}?`, text, `${verb} ${number(count)}`, danger))
			say(said, progress(await post('/v1/dead-letters/' + what, chosen), over))
	} catch (problem) {
		say(said, problemBox(problem))
	}
}
