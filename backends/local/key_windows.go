package local

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dossier-go/dossier"
)

// checkKey is dossier.CheckKey plus what Windows takes for no file name, or for another one: device names, streams,
// and trailing dots and spaces, which it drops.
func checkKey(key string) error {
	if err := dossier.CheckKey(key); err != nil {
		return err
	}
	for segment := range strings.SplitSeq(key, "/") {
		if !filepath.IsLocal(segment) || strings.ContainsAny(segment, `<>:"|?*`) || strings.TrimRight(segment, ". ") != segment {
			return fmt.Errorf("%w: %q is no file name on Windows", dossier.ErrInvalidKey, segment)
		}
	}
	return nil
}
