package fileobject

// Remember makes handles know that their column now holds exactly these files, for units of work: after a commit the
// same struct can be updated again without being loaded anew. Nil files are skipped.
func Remember(files ...*FileObject) {
	origin := &Origin{}
	for _, f := range files {
		if f != nil {
			origin.references = append(origin.references, f.Reference())
		}
	}
	for _, f := range files {
		if f != nil {
			f.remember(origin)
		}
	}
}

// remember tells f, and through the shared state its copies.
func (f *FileObject) remember(origin *Origin) {
	f.origin = origin
	if f.state != nil {
		f.state.mu.Lock()
		defer f.state.mu.Unlock()
		f.state.origin = origin
	}
}
