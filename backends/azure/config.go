package azure

import (
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"github.com/dossier-go/dossier"
)

// Config of [New]. The zero value is ready for use, but cannot sign URLs.
type Config struct {
	// Memory is how many bytes the part buffers of all uploads of this backend may take together, at least twice PartSize.
	// Default: 0, 64 MiB, or twice PartSize if that is more.
	Memory int64
	// PartSize is the size in bytes of a block, 64 KiB to 4,000 MiB; what is smaller goes in one request. Default: 0, 8 MiB.
	PartSize int64
	// Parallel is how many blocks of one upload are sent at once. Default: 0, four.
	Parallel int
	// StallTimeout ends a transfer of which no byte moved for so long, and a request that was not answered for so long.
	// Default: 0, two minutes; negative: never.
	StallTimeout time.Duration
	// Checksum is what the server is asked to verify of every request with content. Default: ChecksumCRC64.
	Checksum Checksum
	// SharedKey is the account key: it signs URLs as service SAS. Default: nil.
	SharedKey *container.SharedKeyCredential
	// Delegation fetches user delegation keys, which sign URLs where there is no SharedKey. It must be of the same
	// account and use a token credential whose role may delegate (Storage Blob Delegator). Default: nil.
	Delegation *service.Client
	// PublicURL is the base of public URLs, for containers that anyone can read: "https://cdn.example/files". The key
	// follows a slash. Default: "", objects have no public URL.
	PublicURL string
	// Class is the access tier of objects whose PutOptions name none: "Hot", "Cool", "Cold", "Archive". Default: "", that of
	// the account.
	Class string
	// Tags are the blob index tags of objects whose PutOptions have none. Default: nil, none.
	Tags map[string]string
	// Without are capabilities that this server does not honour; they are cleared from Describe. Default: 0, none.
	Without dossier.Capabilities
}

// Checksum is a way to have the content of requests verified.
type Checksum int

// The ways. Whatever is chosen, the CRC-64/NVME and CRC32C of every object are stored with it and reading verifies them.
const (
	// ChecksumCRC64 sends x-ms-content-crc64. It costs next to nothing. The emulator Azurite does not know it.
	ChecksumCRC64 Checksum = iota
	// ChecksumMD5 sends Content-MD5, which takes a second for each 650 MB on one core.
	ChecksumMD5
	// ChecksumNone sends none.
	ChecksumNone
)

// Limits of the service, as of version 2019-12-12 of its interface and later.
const (
	maxBlockSize = 4000 << 20
	maxBlocks    = 50_000
	maxBatch     = 256
	maxSyncCopy  = 256 << 20
	minPartSize  = 64 << 10
)

// withDefaults returns the configuration with its defaults, or ErrInvalid.
func (c Config) withDefaults() (Config, error) {
	if c.Memory < 0 || c.Parallel < 0 || c.Checksum < ChecksumCRC64 || c.Checksum > ChecksumNone {
		return c, fmt.Errorf("%w: a negative memory or parallel, or an unknown checksum", dossier.ErrInvalid)
	}
	if c.PartSize == 0 {
		c.PartSize = 8 << 20
	}
	if c.Memory == 0 {
		c.Memory = max(64<<20, 2*c.PartSize)
	}
	if c.PartSize < minPartSize || c.PartSize > maxBlockSize {
		return c, fmt.Errorf("%w: blocks of %d bytes; they have %d to %d",
			dossier.ErrInvalid, c.PartSize, minPartSize, int64(maxBlockSize))
	}
	if c.Memory < 2*c.PartSize {
		return c, fmt.Errorf("%w: a memory of %d bytes; it must hold two blocks of %d", dossier.ErrInvalid, c.Memory, c.PartSize)
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	if c.StallTimeout == 0 {
		c.StallTimeout = 2 * time.Minute
	}
	c.StallTimeout = max(c.StallTimeout, 0)
	return c, dossier.CheckPutOptions(dossier.PutOptions{Class: c.Class, Tags: c.Tags})
}
