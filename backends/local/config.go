package local

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/dossier-go/dossier"
)

// Config of [New]. The zero value is ready for use: durable, attributes where the file system has them, no signer.
type Config struct {
	// Durability says whether Put and the other changes wait for the disk. Default: Durable.
	Durability Durability
	// Attributes says where header, metadata and checksum of an object are kept. Default: AttributesAuto.
	Attributes Attributes
	// Signer signs URLs and forms; package filehttp serves and verifies them. Default: nil, signing is
	// errors.ErrUnsupported.
	Signer *dossier.Signer
	// BaseURL is where the store is served: an absolute URL, or a path beginning with "/". Default: "", signing is
	// errors.ErrUnsupported.
	BaseURL string
	// FileMode are the permission bits of new objects before umask; the owner must be able to read and write.
	// Default: 0, which means 0o644.
	FileMode fs.FileMode
	// DirMode are the permission bits of new folders before umask; the owner must be able to do all. Default: 0, which
	// means 0o755.
	DirMode fs.FileMode
	// MustExist makes New return dossier.ErrNoContainer when the folder is missing, for a volume that has to be mounted
	// first. Default: false, New creates the folder and its parents.
	MustExist bool
	// AllowFoldedNames accepts a file system that takes "A" and "a", or two Unicode spellings, for one name. Set it
	// only if no two keys ever differ in just that, as with generated keys. Default: false, New returns
	// errors.ErrUnsupported.
	AllowFoldedNames bool
	// Step is called before and after each file-system step with a name from Steps, for tests such as crash harnesses.
	// An error that it returns takes the place of the step's own: before it, the step does not happen; after it, it
	// has happened. It must be safe for concurrent use. Default: nil.
	Step func(step string) error
}

// Durability is when a change counts as done.
type Durability uint8

const (
	// Durable changes have reached the disk, file and folder, when the call returns (fsync).
	Durable Durability = iota
	// Fast changes have reached the operating system: they survive the death of the process, not of the machine.
	Fast
)

// Attributes is where header, metadata, checksum and version of an object are kept.
type Attributes uint8

const (
	// AttributesAuto keeps them in an extended attribute if the file system has those, else nowhere.
	AttributesAuto Attributes = iota
	// AttributesRequired makes New return errors.ErrUnsupported on a file system without extended attributes.
	AttributesRequired
	// AttributesNone keeps none, so that files are byte for byte what other tools expect, attributes included.
	AttributesNone
)

// normalised returns the configuration with its defaults filled in.
func (c Config) normalised() (Config, error) {
	if c.FileMode == 0 {
		c.FileMode = 0o644
	}
	if c.DirMode == 0 {
		c.DirMode = 0o755
	}
	return c, errors.Join(
		checkMode("FileMode", c.FileMode, 0o600),
		checkMode("DirMode", c.DirMode, 0o700),
		checkChoice("Durability", uint8(c.Durability), uint8(Fast)),
		checkChoice("Attributes", uint8(c.Attributes), uint8(AttributesNone)),
	)
}

func checkMode(field string, mode, least fs.FileMode) error {
	if mode&^fs.ModePerm != 0 || mode&least != least {
		return fmt.Errorf("%w: %s %#o; it has permission bits only, and the owner needs %#o", dossier.ErrInvalid, field, mode, least)
	}
	return nil
}

func checkChoice(field string, value, last uint8) error {
	if value > last {
		return fmt.Errorf("%w: %s %d; use one of the constants", dossier.ErrInvalid, field, value)
	}
	return nil
}
