// Package azure keeps objects in a container of Azure Blob Storage, as block blobs.
//
//	b, err := azure.Open(ctx, "azblob://container?account=name")
//	b, err := azure.New(client, azure.Config{SharedKey: key})
//
// # What it guarantees
//
// A Put is invisible until its last request, whatever its size: what fits into one block (8 MiB) is one Put Blob, larger
// sources are staged in blocks, from one bounded pool of buffers for all uploads, and committed with their header,
// metadata, tags, tier and conditions. Each request carries a CRC64 that the service verifies. The CRC-64/NVME and CRC32C
// of the whole are stored with the object, and a full read verifies them. Create-only, compare-and-swap, conditional
// deletes, reads and copies are atomic; the version of an object is its ETag. An answer that was lost is settled by the put
// id that every object carries: the error says that the outcome is unknown only when the service cannot be asked. Reads
// that break go on where they broke, pinned to their version.
//
// Names of metadata come back in lower case. Values that are not visible ASCII, or empty, are stored percent-encoded behind
// the mark that RFC 8187 has for UTF-8. The names dossier_put_id, dossier_crc64nvme, dossier_crc32c, dossier_sha256,
// dossier_md5 and dossier_untyped are this package's; Info.Metadata never has them. Objects of other programs are read as
// they are.
//
// Unfinished uploads, and copies with another header, are kept under the reserved segment ".dossier" of the container,
// which no listing shows.
//
// # What the service cannot do
//
//   - Blocks that are not committed belong to the key, not to the writer. A Put that finishes discards those of all others
//     of the same key: they are sent again if their source can be read again, else the error is dossier.ErrConflict. There
//     is no call to drop blocks; those of killed writers expire after seven days. No listing or read shows them.
//   - There is no rename, no signed form, and no access control list of single objects.
//   - A shared access signature grants permissions (read, create, write, delete), not methods: a URL for GET serves HEAD too,
//     and the other way round. It does not cover the length, type, checksum and metadata of a PUT: asking for that is
//     errors.ErrUnsupported. The service ignores query parameters that it does not know. A PUT must have a Content-Length;
//     DELETE of a missing object answers 404. A signed PUT that is bound to create-only has the permission to create without
//     that to write.
//   - Header and metadata are two requests: see [Backend.UpdateHeader].
//   - An object with snapshots cannot be deleted alone, one under a lease or immutability policy not at all
//     (dossier.ErrConflict, dossier.ErrPermission). One in the archive tier cannot be read (dossier.ErrConflict).
//   - In accounts with a hierarchical namespace "a" and "a/b" cannot exist together and there are no tags: put FlatKeys and
//     StoresTags into Config.Without.
//
// # URLs of Open
//
//	azblob://container?account=name            the cloud's own endpoint of an account
//	azblob://container?endpoint=https://…      another endpoint; emulators have the account in its path
//
// Parameters: account, endpoint, anonymous (true: no credentials, for containers that anyone can read), checksum (crc64, md5,
// none), class, memory, parallel, part_size, probe (false: do not try what another endpoint honours), public_url,
// stall_timeout. The fields of [Config] say what they mean. Unknown parameters are an error.
//
// Credentials are the first of: the account key in AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY;
// AZURE_STORAGE_CONNECTION_STRING; a shared access signature in AZURE_STORAGE_SAS_TOKEN; and those of
// azidentity.NewDefaultAzureCredential (environment, workload identity, managed identity, developer tools). Only the first
// two and the last can sign URLs.
//
// # Roles
//
// With tokens: Storage Blob Data Contributor on the container, to read, write, list and delete; Storage Blob Delegator on
// the account, to sign URLs and to copy; Storage Blob Data Owner instead of Contributor for tags. Whoever signs with a
// user delegation key cannot grant more than the identity itself may do.
package azure
