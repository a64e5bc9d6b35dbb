// Package gcs stores objects in a bucket of Google Cloud Storage.
//
//	client, err := storage.NewClient(ctx)
//	store, err := gcs.New(client, "bucket", gcs.Config{})
//
//	store, err := gcs.Open(ctx, "gs://bucket")
//
// # What it guarantees
//
//   - A Put of up to Config.PartSize bytes is one request that carries the CRC32C, so that the store refuses what arrived
//     otherwise; a larger one is a resumable upload in chunks, whose last request carries it. A source that fails, lies,
//     panics or is cancelled commits nothing. All uploads of a backend together hold no more than Config.Memory bytes in
//     buffers, besides 64 KiB each.
//   - The version is the object's generation. Conditions are the store's own, so they are atomic.
//   - A request that changes something and is not answered is made again; every object knows the write it comes from (its
//     metadata dossier_put_id, which is not shown), so a create-only write never says ErrExist of itself. What cannot be
//     found out is Outcome unknown.
//   - Bytes are delivered as they are stored, never unpacked, and of one generation although the connection breaks in
//     between. A full read ends with ErrChecksum if they are not those that were written.
//   - A transfer that does not move for Config.StallTimeout ends; a source or a reader that pauses is not stalled.
//
// # What it needs
//
// The role roles/storage.objectUser for all of it; roles/storage.objectViewer for reads and listings;
// roles/storage.objectCreator can create but not replace, and cannot resolve a lost answer. Access control lists need
// storage.objects.setIamPolicy, and a bucket without uniform bucket-level access: clear dossier.StoresACL in Config.Without
// if it has that. Signing with signBlob needs roles/iam.serviceAccountTokenCreator on the service account that signs. A
// signed URL can do what the account that signed it can do.
//
// # Signing
//
// Keys are tried in this order: Config.HMAC, Config.SigningKey, Config.SignBytes, the private key in Config.Credentials,
// and the IAM Credentials API with Config.Credentials, which costs a request for each signature. An HMAC key is by far the
// fastest: about a microsecond for a URL, against a millisecond with an RSA key.
//
// # Parameters of URLs
//
// Of gs://bucket?parameter=value&…, all of them optional; others are an error:
//
//	endpoint         base of another server: http://127.0.0.1:4443
//	anonymous        true: without credentials
//	class, acl       of objects whose PutOptions name none
//	memory           of the buffers of all uploads: 64MiB
//	part_size        of the chunks of large objects: 8MiB
//	parallel         requests at once of one CompleteUpload: 4
//	stall_timeout    after which a transfer ends that does not move: 2m
//	probe            false: do not find out what another server honours
//	public_url       base of the fixed URLs of a public bucket
//	signing_account  the service account that signs with signBlob
//
// Secrets are not in URLs: credentials are the application default ones (GOOGLE_APPLICATION_CREDENTIALS, or those of the
// machine), and an HMAC key for signing is in the environment variables GCS_HMAC_ACCESS_ID and GCS_HMAC_SECRET. The client
// library reads STORAGE_EMULATOR_HOST too.
//
// # What the store cannot do
//
//   - There are no tags; there is no rename in one step, so a move is a copy and a delete.
//   - The parts of a multipart upload have no signed URLs, since the store would take them after its end too.
//   - A signed URL cannot be bound to SHA-256 or CRC-64; of an answer only Content-Type and Content-Disposition can be
//     overridden; a form cannot be create-only. What was signed with signBlob lives for 12 hours at most.
//   - Header and metadata cannot be replaced as a whole in place: UpdateHeader is a copy inside the store, which makes a new
//     generation.
//   - The store takes about one write per second of one object, and answers ErrThrottled beyond that.
//   - A multipart upload is objects under .dossier/ that are joined at the end: each part costs what an object costs, in
//     colder classes also for the minimum time of storage, and the result has no MD5. Run Reclaim now and then, or a
//     lifecycle rule on that prefix.
//
// Soft delete and object versioning of a bucket keep what was replaced or deleted, and charge for it: this package neither
// sees nor removes it.
package gcs
