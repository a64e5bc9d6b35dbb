// One document of the list.

import * as api from './api.js';
import * as format from './format.js';
import { confirmed, copyOf, find, limits, notify } from './page.js';
import { pictureOf } from './picture.js';

// Makes the card of a document. changed(card, doc) is called with its new state, or with null when it is deleted.
export function cardOf(doc, changed) {
  const card = copyOf('card');
  card.dataset.id = doc.id;
  describe(card, doc);
  const work = (action) => working(card, doc, changed, action);

  const replacement = find('.replace-input', card);
  find('.act-replace', card).onclick = () => replacement.click();
  replacement.onchange = () => work(() => sendFile(card, doc, replacement));

  const pages = find('.pages-input', card);
  find('.pages', card).append(...doc.pages.map((page, i) => pageOf(doc, page, i, work)));
  if (doc.pages.length < limits.pages) find('.pages', card).append(addTile(doc, pages));
  pages.onchange = () => work(() => sendPages(card, doc, pages));

  find('.act-delete', card).onclick = () => work(() => removeDocument(doc));
  return card;
}

function describe(card, doc) {
  const { file } = doc;
  const preview = find('.preview', card);
  preview.append(pictureOf(file));
  preview.href = file.url;
  preview.setAttribute('aria-label', `${file.inline ? 'Open' : 'Download'} ${file.name}`);
  if (!file.inline) preview.removeAttribute('target');
  find('.card-title', card).textContent = doc.title;
  find('.card-name', card).textContent = file.name;
  find('.card-name', card).title = `${file.name} (${file.content_type})`;
  find('.card-size', card).textContent = format.size(file.size);
  const date = find('.card-date', card);
  date.dateTime = doc.updated_at;
  date.title = format.dateAndTime(doc.updated_at);
  date.textContent = format.date(doc.updated_at);
  const download = find('.act-download', card);
  download.href = api.downloadURL(doc.id);
  download.download = file.name;
  for (const [action, name] of [['download', 'Download'], ['replace', 'Replace the file of'], ['delete', 'Delete']]) {
    find(`.act-${action}`, card).setAttribute('aria-label', `${name} ${doc.title}`);
  }
}

function pageOf(doc, page, index, work) {
  const item = copyOf('page');
  const link = find('.thumb', item);
  link.append(pictureOf(page));
  link.href = page.url;
  link.title = page.name;
  link.setAttribute('aria-label', `Page ${index + 1}: ${page.name}`);
  const remove = find('.page-remove', item);
  remove.setAttribute('aria-label', `Remove page ${index + 1}: ${page.name}`);
  remove.onclick = () => work(async () => {
    if (!await confirmed('Remove this page?', `${page.name} is removed from “${doc.title}”.`, 'Remove')) return doc;
    return api.removePage(doc.id, page.id);
  });
  return item;
}

function addTile(doc, input) {
  const item = copyOf('page-add');
  const button = find('button', item);
  button.setAttribute('aria-label', `Add pages to ${doc.title}`);
  button.title = 'Add pages';
  button.onclick = () => input.click();
  return item;
}

// Does one thing at a time with a card, and shows the outcome.
async function working(card, doc, changed, action) {
  if (card.classList.contains('busy')) return;
  card.classList.add('busy');
  try {
    const after = await action();
    if (after !== doc) changed(card, after);
  } catch (problem) {
    notify(problem.message, true);
  } finally {
    card.classList.remove('busy');
    find('.card-bar', card).hidden = true;
  }
}

async function removeDocument(doc) {
  const pages = doc.pages.length ? ` and ${format.count(doc.pages.length, 'page', 'pages')}` : '';
  if (!await confirmed(`Delete “${doc.title}”?`, `${doc.file.name}${pages} will be gone for good.`, 'Delete')) return doc;
  await api.remove(doc.id);
  notify(`“${doc.title}” was deleted.`);
  return null;
}

async function sendFile(card, doc, input) {
  const [file] = input.files;
  if (!file) return doc;
  check(file, limits.file, input);
  const form = new FormData();
  form.append('file', file);
  input.value = '';
  const after = await api.replace(doc.id, form, { progress: bar(card) });
  notify(`The file of “${doc.title}” was replaced.`);
  return after;
}

async function sendPages(card, doc, input) {
  const files = [...input.files];
  if (files.length === 0) return doc;
  if (doc.pages.length + files.length > limits.pages) {
    input.value = '';
    throw new Error(`A document has at most ${limits.pages} pages.`);
  }
  const form = new FormData();
  for (const file of files) {
    check(file, limits.page, input);
    form.append('pages', file);
  }
  input.value = '';
  return api.addPages(doc.id, form, { progress: bar(card) });
}

function check(file, most, input) {
  if (file.size <= most) return;
  input.value = '';
  throw new Error(`${file.name} is larger than ${format.size(most)}.`);
}

function bar(card) {
  const progress = find('.card-bar', card);
  progress.hidden = false;
  progress.value = 0;
  return (sent, total) => { progress.value = sent / total; };
}
