// Talks to /api/documents. Errors have a message for people.

const base = '/api/documents';

export const list = (offset) => call('GET', `${base}?limit=24&offset=${offset}`);
export const remove = (id) => call('DELETE', `${base}/${id}`);
export const removePage = (id, page) => call('DELETE', `${base}/${id}/pages/${page}`);

// These take what send() takes beside the form.
export const create = (form, options) => send('POST', base, form, options);
export const replace = (id, form, options) => send('PUT', `${base}/${id}/file`, form, options);
export const addPages = (id, form, options) => send('POST', `${base}/${id}/pages`, form, options);

export const downloadURL = (id) => `${base}/${id}/file?download=1`;

async function call(method, url) {
  let response;
  try {
    response = await fetch(url, { method });
  } catch {
    throw new Error('The server cannot be reached.');
  }
  return read(response.status, await response.text());
}

function read(status, text) {
  if (status === 204) return null;
  let value = {};
  try {
    value = JSON.parse(text);
  } catch {
    // An answer that is no JSON is explained by its status below.
  }
  if (status >= 200 && status < 300) return value;
  throw new Error(value.detail || value.title || `The server answered with status ${status}.`);
}

// Sends a form and reports how far it is: fetch() cannot do that for uploads. progress(sent, total) is called often;
// signal ends it.
function send(method, url, form, { progress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.upload.onprogress = (event) => progress?.(event.loaded, event.total);
    request.onload = () => {
      try {
        resolve(read(request.status, request.responseText));
      } catch (problem) {
        reject(problem);
      }
    };
    request.onerror = () => reject(new Error('The connection broke off. Nothing was stored.'));
    request.onabort = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}
