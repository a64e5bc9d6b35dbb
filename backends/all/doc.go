// Package all opens a backend by URL. It is the only package that knows every backend, and so links all of their
// libraries: programs that know which store they use construct it with that store's own package.
//
//	store, err := all.Open(ctx, "file:///srv/uploads?durability=fast")
//
// # Schemes
//
// file:///absolute/folder is a folder, package local. The folder must be there. Parameters:
//
//	create=true               make a missing folder and its parents. Default: false
//	durability=fast           changes survive the process, not the machine. Default: durable
//	attributes=required|none  where header and metadata are kept. Default: auto
//	file_mode=0640            permission bits of new objects, octal. Default: 0644
//	dir_mode=0750             permission bits of new folders, octal. Default: 0755
//	allow_folded_names=true   accept a file system that ignores case. Default: false
//
// On Windows the folder is written file:///C:/folder.
//
// mem://name, or mem:// for a random name, is an empty store in memory, package memory. Parameters:
//
//	budget=64MiB              bytes of content, or with kB MB GB KiB MiB GiB. Default: no limit
//
// Backends opened here sign no URLs: a signer is code, not text; construct such a backend with its own package.
//
// Unknown schemes and unknown, repeated or malformed parameters are errors that name what there is. Errors never repeat
// the URL, which may hold a secret; user names and passwords are refused.
package all
