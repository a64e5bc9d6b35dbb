// Package local stores objects as files in a folder, one file per object at the path that its key spells.
//
//	store, err := local.New("/srv/uploads", local.Config{})
//
// Everything happens beneath the folder through [os.Root], so no key, symbolic link or race leads out of it. The
// folder ".dossier" inside it is the backend's own ([dossier.ReservedSegment], which no key can reach):
//
//	.dossier/store      the identity of the store, a random name that moves with the folder
//	.dossier/tmp/       files being written
//	.dossier/locks/     lock files, one per group of keys
//	.dossier/uploads/   unfinished multipart uploads, one folder each
//
// It is part of the store: move and back it up together with the objects, and never edit it while a process uses it.
//
// # How an object is written
//
// The bytes go to a new file in .dossier/tmp, checked and hashed on the way. Version, CRC32C, header and metadata are
// then put into one extended attribute of that same file ("user.dossier", JSON), the file is synced, and one rename
// makes all of it visible at once; then the folder is synced. So a reader sees the old object or the new one, and
// after a crash at any point there is the old object or the new one. Create-only uses a hard link instead of the
// rename, which the kernel refuses when the name is taken. Every change of a key holds the lock of its group (flock),
// between processes too, but only around the check and the rename, never while bytes are copied or synced.
//
// Where the file system has no extended attributes, header, metadata and checksums are not kept: the capabilities say
// so, and asking for them is [errors.ErrUnsupported]. The version is then made of inode, times and size. There is
// never a second file beside the object.
//
// A file put into the folder by something else is an object too, if its path is a valid key: it has no header and no
// checksum until it is written through this package. Symbolic links, also those that stay inside, named pipes, sockets
// and devices are no objects: reading and listing pass over them, Delete leaves them alone, a create-only Put or one
// below such a link is [dossier.ErrConflict], and an unconditional Put takes their place and never writes through
// them.
//
// The keys "a" and "a/b" cannot exist together, since a name is a file or a folder: the second is
// [dossier.ErrConflict] (the capability FlatKeys is clear). Folders appear with their first object and go with their
// last.
//
// # What this package does not protect from
//
//   - Programs that write into the folder without this package: they know no locks, so conditions are not exact against
//     them, and a file edited in place keeps its version until a full read finds the checksum wrong.
//   - Network file systems: locks and create-only are only as good as their flock and link. On NFS, flock of clients
//     before Linux 2.6.12, or with the mount option nolock, is not seen by other machines; folder syncs may be ignored.
//   - Windows, where the standard library offers no locks between processes: conditions are exact between the
//     goroutines of one Backend only, unfinished uploads are for one caller at a time, and Reclaim knows a living writer
//     only by its age. Solaris, AIX, Plan 9 and WebAssembly are not supported.
//   - File systems that fold names (case-insensitive ones, or ones that normalise Unicode): New refuses them unless
//     [Config.AllowFoldedNames] is set, because two keys could be one object there.
//   - The root user, who can make a folder unreadable, mount something over it, or follow /proc; as os.Root says.
//   - A disk that claims to have written what it has not.
//   - Anyone on the machine who may read the files: see [Config.FileMode].
package local
