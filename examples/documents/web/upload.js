// The form that adds a document.

import * as api from './api.js';
import * as format from './format.js';
import { find, limits, notify } from './page.js';
import { sheet } from './picture.js';

const form = find('#upload');
const input = find('#file');
const title = find('#title');
let chosen = null; // the file, from the input or dropped
let sending = null; // an AbortController while an upload is under way

// Prepares the form. added(doc) is called with each new document.
export function prepareUpload(added) {
  find('#drop-hint').textContent = `Any type, up to ${format.size(limits.file)}`;
  input.onchange = () => choose(input.files[0]);
  find('#cancel').onclick = () => (sending ? sending.abort() : reset());
  form.onsubmit = (event) => {
    event.preventDefault();
    if (chosen && !sending) upload(added);
  };
  prepareDrop();
  window.addEventListener('beforeunload', (event) => {
    if (sending) event.preventDefault();
  });
}

function prepareDrop() {
  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
  document.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    form.classList.add('over');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) form.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    form.classList.remove('over');
    const { files } = event.dataTransfer;
    if (files.length > 1) notify('A document has one file; the first one was taken.');
    if (!sending) choose(files[0]);
  });
}

function choose(file) {
  if (!file) return;
  if (file.size > limits.file) {
    notify(`${file.name} is larger than ${format.size(limits.file)}.`, true);
    input.value = '';
    return;
  }
  chosen = file;
  find('#drop').hidden = true;
  find('#chosen').hidden = false;
  find('#chosen-icon').replaceChildren(sheet(file.name, file.type));
  find('#chosen-name').textContent = file.name;
  find('#chosen-size').textContent = format.size(file.size);
  title.value = file.name.replace(/\.[^.]+$/, '').slice(0, title.maxLength);
  showProblem('');
  title.focus();
  title.select();
}

function reset() {
  form.reset();
  chosen = null;
  find('#chosen').hidden = true;
  find('#drop').hidden = false;
  input.focus();
}

function showProblem(text) {
  find('#upload-problem').textContent = text;
  find('#upload-problem').hidden = text === '';
}

async function upload(added) {
  const pages = [...find('#pages').files];
  const problem = problemWith(pages);
  showProblem(problem);
  if (problem) return;
  setSending(new AbortController());
  try {
    const doc = await api.create(body(pages), { progress: meter(), signal: sending.signal });
    setSending(null);
    reset();
    added(doc);
    notify(`“${doc.title}” was added.`);
  } catch (failure) {
    setSending(null);
    showProblem(failure.name === 'AbortError' ? '' : failure.message);
  }
}

function problemWith(pages) {
  if (pages.length > limits.pages) return `A document has at most ${limits.pages} pages.`;
  const large = pages.find((page) => page.size > limits.page);
  return large ? `${large.name} is larger than ${format.size(limits.page)}, the most for a page.` : '';
}

function body(pages) {
  const fields = new FormData();
  fields.append('title', title.value);
  fields.append('file', chosen);
  for (const page of pages) fields.append('pages', page);
  return fields;
}

function setSending(controller) {
  sending = controller;
  form.classList.toggle('sending', sending !== null);
  for (const field of form.querySelectorAll('.fields input')) field.disabled = sending !== null;
  find('#send').disabled = sending !== null;
  find('#progress').hidden = sending === null;
}

// Shows how far the upload is, and how long it may still take.
function meter() {
  const began = performance.now();
  const bar = find('#bar');
  bar.value = 0;
  find('#progress-text').textContent = 'Starting …';
  return (sent, total) => {
    const part = sent / total;
    const left = (performance.now() - began) / 1000 * (1 - part) / part;
    bar.value = part;
    find('#progress-text').textContent = part === 1
      ? 'Storing …'
      : `${Math.floor(part * 100)} % · ${format.size(sent)} of ${format.size(total)} · ${format.duration(left)} left`;
  };
}
