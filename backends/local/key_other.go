//go:build !windows

package local

import "github.com/dossier-go/dossier"

func checkKey(key string) error { return dossier.CheckKey(key) }
