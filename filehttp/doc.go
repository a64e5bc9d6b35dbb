// Package filehttp serves and receives files over HTTP, safely by default.
//
//   - [NewHandler] serves the files of rows: through this server, with ranges and conditions, or by redirect to a signed
//     URL of the store.
//   - [NewSignedHandler] serves what a [dossier.Signer] signed for a store without signatures of its own, such as a local
//     folder: downloads, uploads by PUT and by HTML form, deletes. So the same code works on a laptop and on S3.
//   - [Parts] reads an upload form as a stream: each file comes out as a pending file that a session stages at once.
//   - [ContentDisposition] and [StatusOf] are the header and the table of statuses for handlers of one's own.
//
// # What it guarantees
//
//   - What a browser shows is an allow-list; everything else is a download, and nothing that a browser could run goes out
//     under its own type. The type is the row's, which was found in the bytes.
//   - Every answer, errors included, has X-Content-Type-Options: nosniff, a Content-Security-Policy that lets nothing run,
//     Cross-Origin-Resource-Policy and Referrer-Policy. Answers to errors tell nothing about keys, stores and causes.
//   - One range of a file is one request to the store for exactly these bytes. HEAD and 304 open nothing.
//   - Memory does not grow with the size of files, forms or fields; there are no temporary files.
//   - A file that breaks off in the store breaks off at the client; bytes whose checksum is wrong never arrive complete
//     (except for files that the kernel sends, which are not read).
//
// # What it does not
//
//   - It does not authenticate: that is done by what is around it, and by Config.Lookup.
//   - It does not list, compress, transform or scan files, and does not send Content-Encoding for rows.
//   - A signed URL or redirect cannot be revoked before it expires, and can be passed on.
//   - It does not protect forms read by Parts against cross-site requests; see [http.CrossOriginProtection].
//   - A redirect's answer comes from the store, so it has the signed type and disposition, but not this package's
//     security headers; serve user content from a domain of its own.
//   - It does not limit how long a form read by Parts may take; set ReadTimeout on the server.
package filehttp
