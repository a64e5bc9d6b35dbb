package faultkit_test

import (
	"fmt"
	"strings"

	"github.com/dossier-go/dossier/maintenance"
)

// audit is the second judge: what the independent check finds right, the audit that users run must find right too. It is
// asked before a sweep as well, when the journal and side files know objects that no row has.
func (s *scene) audit(w *world) error {
	var findings []string
	_, err := maintenance.Audit(s.Context(), maintenance.AuditOptions{
		Database: w.manager.DB(), Registry: w.manager.Registry(), Verify: true,
		Columns: []maintenance.Column{{Table: "documents", Column: "file"}, {Table: "documents", Column: "pages"}},
		Found:   func(f maintenance.Finding) error { findings = append(findings, f.String()); return nil },
	})
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("the audit says: %s", strings.Join(findings, "\n"))
	}
	return err
}
