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
// s3://bucket is a bucket of Amazon S3 or of a service that speaks its protocol, package s3, with the credentials of the
// SDK's default chain: environment, shared files, container, instance. Its parameters are those of s3.Open, such as
// endpoint, region and path_style.
//
// gs://bucket is a bucket of Google Cloud Storage, package gcs, with the application default credentials. Its parameters
// are those of gcs.Open, such as endpoint and signing_account.
//
// azblob://container is a container of Azure Blob Storage, package azure, with the account that the environment names. Its
// parameters are those of azure.Open, such as endpoint.
//
// Every scheme has the parameter prefix, by which only a part of the store is used; see wrap.Prefix:
//
//	prefix=tenant/7           keys begin with tenant/7/ in the store, and do not show it. Default: the whole store
//
// Folders and stores in memory that are opened here sign no URLs: a signer is code, not text; construct such a backend
// with its own package. Buckets sign with their credentials.
//
// Unknown schemes and unknown, repeated or malformed parameters are errors that name what there is, before anything is
// made or asked. Errors never repeat the URL, which may hold a secret; user names and passwords are refused.
package all
