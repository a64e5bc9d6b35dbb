package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// config is what flags and the environment say; every value has a default.
type config struct {
	listen string        // address to listen on
	data   string        // folder of database, files and signing secret
	max    int64         // largest file of a document in bytes
	hosts  []string      // names that it answers to besides localhost and IP addresses
	grace  time.Duration // how long running requests may take to finish at the end
	stall  time.Duration // how long a client may send nothing of an upload

	store string // URL of a cloud store for the files; "" is a folder in data
	open  opener // opens that store

	around func(dossier.Backend) dossier.Backend // what stands before the store, for tests; nil for nothing
}

// readConfig reads flags; their defaults come from the environment. Mistakes are explained on stderr too.
func readConfig(args []string, getenv func(string) string, stderr io.Writer) (config, error) {
	either := func(name, standard string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return standard
	}
	cfg := config{open: openCloudStore}
	flags := flag.NewFlagSet("documents", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.listen, "listen", either("DOCUMENTS_LISTEN", "127.0.0.1:8080"), "address to listen on ($DOCUMENTS_LISTEN)")
	flags.StringVar(&cfg.data, "data", either("DOCUMENTS_DATA", "data"), "folder for database, files and signing secret ($DOCUMENTS_DATA)")
	size := flags.String("max", either("DOCUMENTS_MAX", "5GiB"), "largest file, at most 5GiB ($DOCUMENTS_MAX)")
	names := flags.String("hosts", getenv("DOCUMENTS_HOSTS"), "host names to answer to besides localhost, separated by commas ($DOCUMENTS_HOSTS)")
	flags.StringVar(&cfg.store, "store", getenv("DOCUMENTS_STORE"),
		"URL of a cloud store for the files, such as s3://bucket, instead of a folder; needs -tags cloud ($DOCUMENTS_STORE)")
	flags.DurationVar(&cfg.grace, "grace", 30*time.Second, "how long running requests may take to finish at the end")
	flags.DurationVar(&cfg.stall, "stall", time.Minute, "how long a client may send nothing of an upload")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("unknown argument %q; see -help", flags.Arg(0))
	}
	cfg.hosts = splitNames(*names)
	return cfg, cfg.setMax(*size)
}

// setMax reads a size as file tags have it.
func (c *config) setMax(size string) error {
	policy, err := fileobject.ParsePolicy(backendName + ",max:" + size)
	if err != nil || policy.Max > maxFile {
		return fmt.Errorf("-max %q: want a size such as 500MB or 2GiB, at most 5GiB", size)
	}
	c.max = policy.Max
	return nil
}

func splitNames(list string) []string {
	return strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return r == ',' || r == ' ' })
}
