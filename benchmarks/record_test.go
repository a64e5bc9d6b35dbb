package benchmarks

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

// plainRecord is what the column holds as one would write it with encoding/json.
type plainRecord struct {
	Filename     string         `json:"filename"`
	Key          string         `json:"to_filename"`
	ContentType  string         `json:"content_type"`
	Size         *int64         `json:"size"`
	LastModified *float64       `json:"last_modified"`
	Checksum     string         `json:"checksum"`
	ETag         string         `json:"etag"`
	VersionID    string         `json:"version_id"`
	Metadata     map[string]any `json:"metadata"`
	Backend      string         `json:"backend"`
}

// benchmarkRecords are rows as sessions write them.
func benchmarkRecords() map[string]dossier.Record {
	typical := dossier.Record{
		Backend: "uploads", Key: "documents/file/0198c0de-7b3a-7c11-9f00-3c5d2e1a4b6f.pdf", Filename: "Quarterly plan.pdf",
		ContentType: "application/pdf", Size: 1234567, LastModified: time.UnixMicro(1763712000123456).UTC(), Checksum: "crc32c:0a1b2c3d",
		ETag: `"6f1ed002ab5595859014ebf0951522d9"`, VersionID: "3sL4kqtJlcpXroDTDmJ",
	}
	bare := typical
	bare.ETag, bare.VersionID = "", ""
	unicode := typical
	unicode.Filename = `Größe & "Gewicht" – 写真.pdf`
	metadata := typical
	metadata.Metadata = map[string]any{"pages": 12, "language": "en"}
	return map[string]dossier.Record{"typical": typical, "without ETag": bare, "international name": unicode, "metadata": metadata}
}

// Decoding the column of one row as Scan does, beside encoding/json into a struct of the same fields. The metric x-faster
// is how many of ours take the time of one of encoding/json; the budget is at least 5 for rows without metadata.
// allocs-more is how many allocations ours makes beside the copy of the text that any Scan has to make; at most 2.
func BenchmarkDecodeRecord(b *testing.B) {
	for name, record := range benchmarkRecords() {
		b.Run(name, func(b *testing.B) {
			text, err := record.MarshalJSON()
			if err != nil {
				b.Fatal(err)
			}
			benchmarkDecode(b, text)
		})
	}
}

func benchmarkDecode(b *testing.B, text []byte) {
	b.Helper()
	const rows = 1000  // between two looks at the clock
	var src any = text // as a driver hands it over
	var record dossier.Record
	var plain plainRecord
	scan := func() error { return record.Scan(src) }
	unmarshal := func() error {
		plain = plainRecord{}
		return json.Unmarshal(text, &plain)
	}
	many := func(do func() error) func() error {
		return func() error {
			for range rows {
				if err := do(); err != nil {
					return err
				}
			}
			return nil
		}
	}
	ours := testing.AllocsPerRun(100, func() { _ = scan() })
	theirs := testing.AllocsPerRun(100, func() { _ = unmarshal() })
	compare(b, "x-faster", many(unmarshal), many(scan))
	if record.Key != plain.Key || record.Filename != plain.Filename || record.ETag != plain.ETag || record.Size != *plain.Size {
		b.Fatalf("%+v is not %+v", record, plain)
	}
	b.ReportMetric(ours-1, "allocs-more")
	b.ReportMetric(theirs, "allocs-json")
}
