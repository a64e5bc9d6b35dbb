// How sizes, dates and kinds of files are shown.

const units = ['bytes', 'KB', 'MB', 'GB', 'TB']; // each 1,024 of the one before

export function size(bytes) {
  if (bytes < 0) return 'unknown size';
  if (bytes === 1) return '1 byte';
  let unit = 0;
  while (bytes >= 1023.5 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  const digits = unit === 0 || bytes >= 100 ? 0 : 1;
  return `${bytes.toLocaleString(undefined, { maximumFractionDigits: digits })} ${units[unit]}`;
}

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });

export const date = (text) => day.format(new Date(text));
export const dateAndTime = (text) => moment.format(new Date(text));

export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function count(n, one, many) {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`;
}

// The first pattern that matches the media type says the kind.
const kinds = [
  [/^application\/pdf/, 'pdf'],
  [/wordprocessing|msword|opendocument\.text|rtf/, 'word'],
  [/spreadsheet|ms-excel|csv|tab-separated/, 'table'],
  [/presentation|powerpoint/, 'slides'],
  [/zip|x-tar|gzip|7z|rar|zstd|bzip|xz/, 'archive'],
  [/json|xml|javascript|html|yaml/, 'code'],
  [/^image\//, 'image'],
  [/^audio\//, 'audio'],
  [/^video\//, 'video'],
  [/^text\//, 'text'],
];

export const kind = (type) => kinds.find(([pattern]) => pattern.test(type))?.[1] ?? 'other';

// A word of at most four letters for a file: its extension, else its kind.
export function label(name, type) {
  const extension = /\.([a-z0-9]{1,4})$/i.exec(name)?.[1];
  return (extension ?? { other: 'file', archive: 'zip', text: 'txt', image: 'img' }[kind(type)] ?? kind(type).slice(0, 4)).toUpperCase();
}
