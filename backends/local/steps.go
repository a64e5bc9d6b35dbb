package local

import "slices"

// moments of a step at which Config.Step is called.
const (
	before = ".before"
	after  = ".after"
)

// steps by operation, in the order in which they happen. "open" stands for New and Probe, "upload" for CreateUpload,
// "part" for PutPart, "complete" for CompleteUpload, "update" for UpdateHeader. Whatever opens an object does "get.open";
// whatever reads a folder, "list.read"; whatever removes an empty one, "delete.rmdir".
var steps = []struct {
	operation string
	names     []string
}{
	{"open", []string{"temp", "write", "sync", "rename", "dirsync", "discard"}},
	{"put", []string{"temp", "write", "attributes", "sync", "mkdir", "rename", "link", "unlink", "dirsync", "discard"}},
	{"get", []string{"open"}},
	{"delete", []string{"unlink", "dirsync", "rmdir"}},
	{"list", []string{"read"}},
	{"copy", []string{"temp", "write", "attributes", "sync", "mkdir", "rename", "link", "unlink", "dirsync", "discard"}},
	{"move", []string{"attributes", "mkdir", "rename", "sync", "dirsync"}},
	{"update", []string{"attributes", "sync"}},
	{"upload", []string{"mkdir", "temp", "write", "sync", "rename", "dirsync", "discard"}},
	{"part", []string{"temp", "write", "attributes", "sync", "rename", "dirsync", "discard"}},
	{"complete", []string{
		"temp", "write", "attributes", "sync", "mkdir", "rename", "link", "unlink", "dirsync", "discard", "remove",
	}},
	{"abort", []string{"remove"}},
	{"reclaim", []string{"unlink", "remove"}},
}

// Steps lists every name that [Config.Step] can be called with: operation, step and moment, as in "put.rename.before".
// "sync" and "dirsync" happen only where writes are durable, "attributes" only where attributes are kept, "link" and
// "unlink" only for create-only writes, "mkdir" and "rmdir" only for the first and last object of a folder, and
// "discard" (the removal of a temporary file) only after a failure.
func Steps() []string {
	var all []string
	for _, s := range steps {
		for _, name := range s.names {
			all = append(all, s.operation+"."+name+before, s.operation+"."+name+after)
		}
	}
	return slices.Clip(all)
}

// step does one thing to the file system, with the hook around it.
func (b *Backend) step(operation, name string, do func() error) error {
	hook := b.cfg.Step
	if hook == nil {
		return do()
	}
	if err := hook(operation + "." + name + before); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return hook(operation + "." + name + after)
}
