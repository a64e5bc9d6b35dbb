package dossier

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Registry names backends. The zero value is usable, and it is safe for concurrent use. It must not be copied after
// first use.
//
// Each backend is handed out behind a decorator that checks keys, metadata, ranges and conditions before any I/O,
// verifies full reads, and puts the registered name into errors.
type Registry struct {
	// Detector finds content types. Set it before first use. Default: nil, which means [DefaultDetector].
	Detector Detector

	mu       sync.RWMutex
	backends map[string]*checked
}

// maxNameLength of a backend's name, in bytes.
const maxNameLength = 64

// Register adds b under name: 1 to 64 letters, digits, "_", "-" or ".". A taken name is [ErrExist], a bad one or a nil
// backend [ErrInvalid].
func (r *Registry) Register(name string, b Backend) error {
	if err := checkRegistration(name, b); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.backends[name]; taken {
		return fmt.Errorf("register backend %q: %w; use Replace to exchange it", name, ErrExist)
	}
	r.set(name, b)
	return nil
}

// Replace sets the backend of name, whether there was one or not. It panics where Register would return [ErrInvalid].
// The one replaced is not closed.
func (r *Registry) Replace(name string, b Backend) {
	if err := checkRegistration(name, b); err != nil {
		panic(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set(name, b)
}

func (r *Registry) set(name string, b Backend) {
	if r.backends == nil {
		r.backends = map[string]*checked{}
	}
	r.backends[name] = newChecked(name, b)
}

func checkRegistration(name string, b Backend) error {
	if b == nil {
		return fmt.Errorf("register backend %q: %w: the backend is nil", name, ErrInvalid)
	}
	ok := name != "" && len(name) <= maxNameLength
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("register backend %q: %w: a name has 1 to %d letters, digits, '_', '-' or '.'",
			name, ErrInvalid, maxNameLength)
	}
	return nil
}

// Unregister forgets name and reports whether it was there. The backend is not closed.
func (r *Registry) Unregister(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, was := r.backends[name]
	delete(r.backends, name)
	return was
}

// Names lists the registered names in order.
func (r *Registry) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.backends))
}

// Backend returns the backend of name behind its decorator. An unknown name is [ErrNoBackend]; the text names it and
// what is registered.
func (r *Registry) Backend(name string) (Backend, error) {
	r.mu.RLock()
	b, ok := r.backends[name]
	r.mu.RUnlock()
	if !ok {
		return nil, fmt.Errorf("%w: %q is not registered (%s)", ErrNoBackend, name, r.registered())
	}
	return b, nil
}

func (r *Registry) registered() string {
	names := r.Names()
	if len(names) == 0 {
		return "nothing is registered"
	}
	return "registered: " + strings.Join(names, ", ")
}

// Detect runs the registry's detector; the result is never empty.
func (r *Registry) Detect(head []byte, name string) []string {
	detector := r.Detector
	if detector == nil {
		detector = DefaultDetector()
	}
	if types := detector.Detect(head, name); len(types) > 0 {
		return types
	}
	return []string{"application/octet-stream"}
}

// Close closes every backend that is an [io.Closer] and forgets all of them. Errors are joined.
func (r *Registry) Close() error {
	r.mu.Lock()
	backends := r.backends
	r.backends = nil
	r.mu.Unlock()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(backends)) {
		if err := io.Closer(backends[name]).Close(); err != nil {
			errs = append(errs, fmt.Errorf("close backend %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

var defaultRegistry atomic.Pointer[Registry]

// Default returns the process-wide registry. It exists because [database/sql.Scanner] has no context; everything that
// uses it takes an explicit registry too.
func Default() *Registry {
	if r := defaultRegistry.Load(); r != nil {
		return r
	}
	defaultRegistry.CompareAndSwap(nil, &Registry{})
	return defaultRegistry.Load()
}

// SetDefault exchanges the process-wide registry. A nil r means a new empty one.
func SetDefault(r *Registry) { defaultRegistry.Store(r) }
