package local

// WithoutShortcut makes the backend take the way through os.Root everywhere, as on systems without openat2.
func (b *Backend) WithoutShortcut() *Backend {
	if err := b.direct.close(); err != nil {
		panic(err)
	}
	b.direct = direct{}
	return b
}

// HasShortcut reports whether openat2 is used.
func (b *Backend) HasShortcut() bool { return b.direct.root != nil }

// FoldingFacts says what New says about a file system that folds names.
func FoldingFacts(cfg Config) error { return facts{folds: true}.check(cfg) }

// PlainFacts says what New says about a file system without extended attributes.
func PlainFacts(cfg Config) error { return facts{}.check(cfg) }

// WithoutLinks makes the backend do without hard links.
func (b *Backend) WithoutLinks() *Backend {
	b.facts.links = false
	return b
}

// LockNumber is the number of the lock file of a key.
func LockNumber(key string) int { return lockNumber(key) }
