// The progress of bulk work.
import {call, get} from './api.js'
import {button, el, notice} from './dom.js'

const EVERY_MS = 500

const kinds = {retry: 'Retry', discard: 'Discard', drain_disabled: 'End of a disabled endpoint’s deliveries', drain_deleted: 'End of a deleted endpoint’s deliveries'}

// Follows the operation as long as it is on the page; calls `ended` when it is done.
export function progress(operation, ended) {
	const bar = el('progress', {'aria-label': kinds[operation.kind]})
	const text = el('span', {class: 'progress-text'})
	const node = el('div', {class: 'operation'}, el('strong', null, kinds[operation.kind]), bar, text,
		button('Stop', () => call('DELETE', '/v1/operations/' + operation.id), problem => notice(problem.message)))

	function show(now) {
		bar.max = Math.max(now.total, 1)
		bar.value = now.done + now.skipped
		text.textContent = `${now.done} of ${now.total}` + (now.skipped ? `, ${now.skipped} skipped` : '')
	}

	async function follow() {
		if (!node.isConnected)
			return
		try {
			const now = await get('/v1/operations/' + operation.id)
			show(now)
			if (now.state !== 'running') {
				notice(`${kinds[now.kind]}: ${now.state}, ${text.textContent}`)
				ended()
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
