// What the modules share of the page.

export const find = (selector, root = document) => root.querySelector(selector);

export const copyOf = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

const data = document.body.dataset;
export const limits = { file: Number(data.maxFile), page: Number(data.maxPage), pages: Number(data.maxPages) };

// Shows what happened. Good news goes away by itself.
export function notify(text, bad = false) {
  const notice = document.createElement('div');
  notice.className = bad ? 'notice bad' : 'notice';
  if (bad) notice.setAttribute('role', 'alert');
  const message = document.createElement('span');
  message.textContent = text;
  const close = document.createElement('button');
  close.type = 'button';
  close.className = 'button quiet';
  close.setAttribute('aria-label', 'Dismiss');
  close.innerHTML = '<svg class="icon" aria-hidden="true"><use href="#icon-close"/></svg>';
  close.onclick = () => notice.remove();
  notice.append(message, close);
  find('#notices').append(notice);
  if (!bad) setTimeout(() => notice.remove(), 5000);
}

// Asks before something is deleted. Resolves to true or false.
export function confirmed(title, text, yes) {
  const dialog = copyOf('confirm');
  find('h2', dialog).textContent = title;
  find('p', dialog).textContent = text;
  find('[value=yes]', dialog).textContent = yes;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    };
  });
}
