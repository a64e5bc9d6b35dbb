// Package uploader sends one source to an object store: in one request if it is small, else in parts that are sent in
// parallel. All uploads of one backend share a [Pool] of part buffers, so that memory has one limit however many
// uploads run. A backend says how its requests are made by a [Target]; this package knows no store.
//
// # How a source is cut
//
// Reading begins in a scratch of 64 KiB. A source that ends there is sent in one request. Only when the scratch is full
// a buffer of the pool is taken; a source that ends within the first part is sent in one request too, so its checksums
// are known before the request is made. Everything else is a multipart upload. Each part is begun in the scratch again,
// so a source that is slow between two parts holds no buffer, and one that is slow within a part holds one.
//
// A source that has an [io.ReaderAt] needs no buffers: a part is read once through the Reader, for the checks that the
// Reader makes and for the checksums, and once more from the ReaderAt by the request. If it changed in between, the
// checksum that the request carries does not match and the store refuses it, provided that the target sends it.
//
// # How large the parts are
//
// A known size decides: ceil(size/MaxParts), rounded up to a MiB, but not less than [Plan.PartSize]. A source that
// cannot fit is refused before any request. With an unknown size the part size doubles each time a tenth of the parts
// is used up, unless the store wants equal parts. A part that is larger than the pool's buffers takes several at once,
// and no part can be larger than the pool; [Plan.Reach] says how much that is in all. Sources with an io.ReaderAt have
// no such limit.
//
// # Fairness
//
// Buffers are given out in the order in which they were asked for. An upload asks for the buffers of a part all at once
// and only while it holds no unfinished part; what it has sent or is sending comes back whatever other uploads do. So
// no number of uploads can wait for each other.
//
// A source that takes longer than a sixteenth of a second for a scratch is slow. Slow sources fill at most half of the
// buffers at once, so that many of them on bad lines do not hold up the others; what they have filled is sent like
// anything else. Only sources that were fast until they stopped within a part can hold the other half, and even then
// small sources and files get through.
//
// # What is cleaned up
//
// An upload that fails after Begin succeeded is aborted, once, when no part request is running any more, with a context
// that does not end with the caller's but after 30 seconds. There is one exception: an error of Complete that says (by
// [CompleteError]) that it is unknown whether the object exists now. Aborting could then race with a completion under
// way; the target must find out, or leave it to whoever sweeps up. A panic of Complete counts as such an error.
package uploader
