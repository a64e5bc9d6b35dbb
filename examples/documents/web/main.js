// The page: the list, and what keeps it true.

import * as api from './api.js';
import { cardOf } from './card.js';
import { count } from './format.js';
import { find, notify } from './page.js';
import { prepareUpload } from './upload.js';

const cards = find('#cards');
const fresh = 20 * 60 * 1000; // milliseconds: links live an hour
let total = 0;
let loaded = 0; // when the list was loaded

function show() {
  find('#empty').hidden = total > 0;
  find('#count').textContent = total > 0 ? count(total, 'document', 'documents') : '';
  find('#more').hidden = cards.children.length >= total;
}

function changed(card, doc) {
  if (doc === null) {
    const next = card.nextElementSibling ?? card.previousElementSibling;
    card.remove();
    total--;
    show();
    (next ? find('.act-delete', next) : find('#file')).focus();
    return;
  }
  const after = cardOf(doc, changed);
  const focused = card.contains(document.activeElement);
  const action = [...document.activeElement.classList].find((name) => name.startsWith('act-'));
  card.replaceWith(after);
  if (focused) (find(`.${action ?? 'page-add'}`, after) ?? find('.preview', after)).focus();
}

async function load(offset) {
  find('#all').setAttribute('aria-busy', 'true');
  try {
    const page = await api.list(offset);
    if (offset === 0) cards.replaceChildren();
    const known = new Set([...cards.children].map((card) => card.dataset.id));
    cards.append(...page.documents.filter((doc) => !known.has(doc.id)).map((doc) => cardOf(doc, changed)));
    total = page.total;
    if (offset === 0) loaded = Date.now();
    show();
  } catch (problem) {
    notify(problem.message, true);
  } finally {
    find('#all').setAttribute('aria-busy', 'false');
  }
}

prepareUpload((doc) => {
  cards.prepend(cardOf(doc, changed));
  total++;
  show();
});
find('#more').onclick = () => load(cards.children.length);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && Date.now() - loaded > fresh) load(0);
});
load(0);
