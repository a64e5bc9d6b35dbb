package backendtest

// groupTitles are the subjects of the groups, from number 1.
func groupTitles() []string {
	return []string{
		"failing source", "panicking source", "odd and lying readers", "declared size", "expected checksums", "largest size",
		"cancellation", "killed process", "full or broken disk", "reads during overwrites", "writers of one key",
		"reader outlives its version", "Put returns what Stat returns", "lost answers", "errors inside successful answers",
		"same content twice", "create-only race", "create-only leaves metadata alone", "compare-and-swap", "conditions of multipart uploads",
		"conditional delete", "conditional copy and move", "versions differ", "conditional reads", "409 and 412 told apart",
		"accepted keys", "refused keys", "Unicode spellings", "letter case", "object and folder of one name", "lengths of keys",
		"Windows names", "keys like internals", "keys hostile to URLs", "symbolic links", "root folder exchanged, special files",
		"prefix wrapper", "order of listings", "listing after any key", "listing during changes", "delete while listing",
		"numbers of keys", "listing left early", "listing shows objects only", "listed entries equal Stat", "empty objects",
		"ranges", "truncated bodies", "corrupted bodies", "servers that ignore ranges", "stored encodings", "closing readers",
		"readers and file systems of the standard library", "outage is not absence", "403 for a missing key", "delete twice", "batch delete",
		"delete leaves nothing", "delete of a folder", "versioned buckets and locks", "sizes at borders", "more parts than a store takes",
		"copies beyond 5 GiB", "memory ceiling", "parts of equal size", "metadata grammar", "header fields", "metadata of each version",
		"life of signatures", "clock skew", "bindings of signed URLs", "signature reuse", "response overrides", "returned header suffices",
		"signed keys and normalising clients", "many signatures", "signed forms", "signed-URL handler", "use after Close",
		"race detector, leaks", "credentials that expire", "throttling", "stalled connections", "multipart uploads", "wrappers",
		"faults at every request",
	}
}

// groupsElsewhere says of groups that are not, or not wholly, covered here why.
func groupsElsewhere() map[int]string {
	const (
		clouds = "in the tests of packages s3, gcs and azure"
		own    = "in the tests of package local: needs a file system"
	)
	return map[int]string{
		8:  "in the tests of package local: a killed child process",
		9:  "in the tests of package local: steps that fail",
		14: clouds + ": how each resolves a lost answer",
		15: clouds + ": the answers of each protocol",
		25: clouds,
		29: "file systems that fold names: in the tests of package local",
		35: own + "; upload ids here", 36: own,
		37: "in the tests of package wrap; every case here also runs below a prefix",
		42: "empty pages with a continuation token: " + clouds,
		48: clouds + ": answers of a wrong length",
		49: clouds + ": bytes that change on the way",
		50: clouds,
		54: "DNS, TLS, redirects, credentials and buckets: " + clouds,
		55: clouds,
		60: clouds,
		62: clouds + ", with their limits on parts",
		63: clouds,
		64: "in the tests of package internal/uploader, and in the benchmarks",
		65: clouds,
		70: clouds,
		75: "clients that normalise paths: " + clouds,
		76: "time and allocations: in the benchmarks",
		78: "in the tests of the root package (signer) and of package filehttp (handler)",
		81: clouds, 82: clouds + ": the words of each protocol", 83: clouds + ": a transfer without a caller's deadline",
	}
}
