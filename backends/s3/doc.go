// Package s3 stores objects in Amazon S3 and in services that speak its protocol, over the AWS SDK for Go v2.
//
//	client := awss3.NewFromConfig(cfg)
//	store, err := s3.New(client, "my-bucket", s3.Config{})
//
//	store, err := s3.Open(ctx, "s3://my-bucket?endpoint=http://127.0.0.1:9000&path_style=true&region=us-east-1")
//
// # What it guarantees
//
// It keeps the promises of [dossier.Backend] and has every extension but Mover; [dossier.Move] copies and deletes.
//
//   - A write is invisible until it is complete. Content of up to one part (8 MiB) goes in one request, larger content in
//     parts from one pool of buffers that all uploads of a backend share; files are sent without buffers. A failed or
//     cancelled upload is aborted although its context is over; what cannot be aborted is in Error.Leaked.
//   - Every object and part is sent with its CRC64NVME (or CRC32C), which the server verifies before anything is visible;
//     an upload in parts has the checksum of the whole, too, and its size. No trailers and no chunked signing are used, so
//     plain http and older servers work.
//   - A full read is verified against the checksum that the server keeps. A body that breaks off or stalls goes on where
//     it broke, from the same version, or ends in an error.
//   - A write whose answer is lost is found by its put-id, metadata under the reserved name dossier_put_id. When even that
//     cannot be asked for, the error's Outcome is unknown. A create-only write never finds itself in its way.
//   - "Not found" is said only when the service said so of this object: a missing bucket, wrong credentials, a redirect, a
//     proxy's 404 and every failure of the network are other errors.
//   - Conditional copies and header updates are multipart uploads inside the server, whose completion has the condition,
//     because most servers ignore the conditions of plain copies.
//
// # Versions
//
// A Version is the object's ETag, bound to its key. For objects that are sent in one request without a KMS or customer key,
// an ETag is the MD5 of the bytes: the same bytes stored again under the same key have the same Version, whatever their
// header and metadata. Conditions compare the bytes, then, and not the write. Use keys that are not used twice where that
// matters.
//
// # What it does not protect from
//
//   - Servers that do not do what they say. Conditions are known to be ignored by some; use [Open] or
//     [Backend.Probe], and [Config].Without. That a condition is atomic cannot be probed.
//   - Colliding MD5s: whoever may choose the bytes can make two contents with one Version.
//   - Other tools: the keys beneath .dossier/ belong to this package, objects whose keys break the key rules are not
//     listed, and header fields beyond those of [dossier.Header] are lost in a copy.
//   - Versioned buckets: a delete adds a marker, and old versions stay and cost; object locks make deletes ErrPermission.
//   - Reclaim by another process: it aborts uploads by age, whoever began them.
//   - The capability Durable is the service's word.
//
// # Costs
//
// Put makes one request for content of up to a part. Stat of a missing object makes two, since the answer to a HEAD does not
// tell it from a missing bucket. A conditional delete makes two, a copy three, a conditional copy five, a header update six.
// Get makes one.
//
// # Metadata
//
// Each name is a header field x-amz-meta-name. A value of visible ASCII is stored as it is; others, empty ones, and those
// that contain "=?" are stored as "utf-8" and two single quotes followed by their percent-encoded UTF-8 (as in RFC 8187),
// because servers differ in what they do with them. The limit of S3, 2 KiB, holds for what is stored.
//
// # Parameters of URLs
//
// The URL is s3://bucket, with credentials from the SDK's default chain:
//
//	endpoint=https://host:port     of a compatible server. Default: Amazon's, or AWS_ENDPOINT_URL_S3
//	region=eu-west-1               Default: AWS_REGION or the shared configuration; with an endpoint us-east-1
//	path_style=true                the bucket is in the path and not in the host name. Default: false
//	anonymous=true                 requests are not signed. Default: false
//	probe=false                    with an endpoint: do not try what the server honours, as for credentials that may only
//	                               read. Default: true
//	checksum=crc64nvme|crc32c|none Default: crc64nvme
//	delete_batch=auto|checksum|content-md5|single
//	                               how many objects are deleted at once, see [BatchMode]. Default: auto
//	sse=AES256|aws:kms|aws:kms:dsse
//	                               encryption at rest. Default: that of the bucket
//	sse_kms_key_id=ID              key of aws:kms. Default: the account's own
//	class=STANDARD_IA              storage class. Default: the bucket's
//	acl=private                    predefined access control list. Default: the bucket's
//	public_url=https://host/path   where anyone can read the objects. Default: none
//	part_size=8MiB                 of multipart uploads, from 5 MiB. Default: 8 MiB
//	equal_parts=true               all parts but the last have one size. Default: false
//	memory=64MiB                   buffers of all uploads. Default: 64 MiB
//	parallel=4                     requests at once per upload, copy and batch. Default: 4
//	stall_timeout=2m               until a transfer that stands still is given up. Default: 2m
//
// Customer keys and tags are in [Config] only. Unknown parameters are errors.
//
// # Permissions
//
// Reading needs s3:GetObject; s3:ListBucket makes a missing object ErrNotExist instead of ErrPermission, and lists. Writing
// needs s3:PutObject and s3:AbortMultipartUpload, deleting s3:DeleteObject. MultipartBackend and Reclaim need
// s3:ListBucketMultipartUploads and s3:ListMultipartUploadParts. Tags need s3:PutObjectTagging, and s3:GetObjectTagging for
// copies of tagged objects; access control lists s3:PutObjectAcl, and s3:GetObjectAcl for the probe. Encryption with
// aws:kms needs kms:GenerateDataKey and kms:Decrypt.
//
// # Compatible servers
//
// Tested with versitygw and MinIO. versitygw has no storage classes, no access control lists, and no "a" beside "a/b"; its
// conditional deletes are not atomic. MinIO ignores conditions of deletes, does not list unfinished uploads (no
// MultipartBackend), forgets access control lists, and leaves "a/b" out of listings when there is an object "a". Cloudflare
// R2 wants equal_parts. Servers without CRC64NVME want checksum=crc32c or checksum=none, servers without virtual hosts
// path_style.
package s3
