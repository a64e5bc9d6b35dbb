package gcs

// String names the store, and hides keys and settings.
func (b *Backend) String() string { return b.Describe().Store }

// GoString hides keys and settings.
func (b *Backend) GoString() string { return b.String() }
