// Pictures of files: the image itself where a browser can show it, else a sheet with the kind of file on it.

import { copyOf, find } from './page.js';
import { kind, label } from './format.js';

const shown = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp'];
const largest = 25e6; // bytes: more than this is not loaded just for a preview

export function pictureOf(file) {
  if (!shown.includes(file.content_type) || file.size > largest) return sheet(file.name, file.content_type);
  const image = document.createElement('img');
  image.alt = '';
  image.loading = 'lazy';
  image.decoding = 'async';
  image.src = file.url;
  image.onload = () => image.classList.toggle('tall', image.naturalHeight > image.naturalWidth);
  image.onerror = () => image.replaceWith(sheet(file.name, file.content_type));
  return image;
}

export function sheet(name, type) {
  const icon = copyOf('sheet');
  icon.classList.add(kind(type));
  find('text', icon).textContent = label(name, type);
  return icon;
}
