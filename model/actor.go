package model

import "context"

// AuditBy is an embeddable pair of columns that say who created a row and who changed it last. ID is the type of the
// application's user keys: uuid.UUID, string or int64. Zero is stored as NULL.
//
// The session takes the actor from the context of the call that writes the row; see [WithActor]. That is the context of
// Flush or Commit for rows that were queued with Add.
type AuditBy[ID any] struct {
	// CreatedBy is set on insert if it is zero; an update writes it only when the update names the column. Default: the
	// actor, or NULL without one.
	CreatedBy ID `bun:"created_by,nullzero" json:"created_by,omitzero" fill:"created-by"`

	// UpdatedBy is set on insert if it is zero, and to the actor when Audit.UpdatedAt is touched, by the same rules. Without
	// an actor an update leaves it as it is. Default: the actor, or NULL without one.
	UpdatedBy ID `bun:"updated_by,nullzero" json:"updated_by,omitzero" fill:"updated-by"`
}

type actorKey struct{}

// WithActor returns a context whose writes are by the actor with this key: middleware calls it with the user who is
// logged in. The key must be of the type of the columns; another one makes the write dossier.ErrInvalid. nil means
// nobody.
func WithActor(ctx context.Context, id any) context.Context {
	return context.WithValue(ctx, actorKey{}, id)
}

// ActorFrom returns the key given to [WithActor], or nil.
func ActorFrom(ctx context.Context) any { return ctx.Value(actorKey{}) }
