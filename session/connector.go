package session

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/dossier-go/dossier"
)

// patient makes connections within a time: drivers bound the dialling and not always what follows, and a pool opens
// connections on a context of its own.
type patient struct {
	driver.Connector
	timeout time.Duration
}

// Connect implements driver.Connector.
func (p patient) Connect(ctx context.Context) (driver.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	conn, err := p.Connector.Connect(bounded)
	if late := bounded.Err() != nil || errors.Is(err, context.DeadlineExceeded); err != nil && late && ctx.Err() == nil {
		//nolint:errorlint // the context that ended is ours, not the caller's
		return nil, fmt.Errorf("%w: no connection within %v: %v", dossier.ErrUnavailable, p.timeout, err)
	}
	return conn, err
}
