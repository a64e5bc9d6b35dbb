package s3

import "github.com/dossier-go/dossier/internal/uploader"

// SetLimits makes the limits of the service small: parts of partSize bytes, copies of more than maxCopy bytes in parts of
// copyPart bytes, batches of maxBatch keys.
func SetLimits(b *Backend, partSize, maxCopy, copyPart int64, maxBatch int) {
	b.limits.minPart, b.limits.maxCopy, b.limits.copyPart, b.limits.maxBatch = 1, maxCopy, copyPart, maxBatch
	b.cfg.PartSize = partSize
	b.pool = uploader.NewPool(b.cfg.Memory, int(partSize))
}

// EscapeValue and UnescapeValue are how metadata is stored.
var (
	EscapeValue   = escapeValue
	UnescapeValue = unescapeValue
)
