// Command documents is a document service in one process: files with titles and pages, on SQLite and a local folder.
//
//	go run ./examples/documents
//
// It serves a page for people at / and a JSON API at /api/documents, and keeps everything in ./data. docs/demo.md shows
// the API with curl. What it shows of the module:
//
//   - [Document]: files as columns of a row, with limits in the tag.
//   - create.go, replace.go, pages.go: uploads that stream from the socket into the store while the form is read, then
//     one short transaction. A request that fails in between leaves neither row nor bytes.
//   - view.go: what clients see of a file: no backend, but a signed URL.
//   - routes.go: filehttp serves the files, by signed URL and through the server with ranges.
//   - store.go: the files in a folder or, with -store and -tags cloud, in a bucket.
//   - server.go: the sweeper beside the server, and a shutdown that lets uploads finish.
//
// # What it does not
//
// It has no users: whoever reaches the address can read, change and delete every document. It therefore listens on
// 127.0.0.1 unless told otherwise, and answers only to names that are its own (-hosts), so that no web page can reach
// it through a name that it made point here.
package main
