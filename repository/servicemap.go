package repository

import "context"

// Mapped is a [Service] seen through the types of an interface: what comes in (In) and what goes out (Out), so that columns
// that are nobody's business neither enter nor leave. Its functions are the application's; nothing is copied by name.
type Mapped[T, In, Out any] struct {
	// Service does the work.
	Service *Service[T]
	// Fill puts what came in into a model: a new one for Create, the row as it is for Change; fields that In does not give are
	// left alone. Its errors are the call's.
	Fill func(in In, model *T) error
	// Show is what goes out of a row.
	Show func(model *T) Out
}

// Create inserts a model filled with in and returns what it shows. Errors: those of Fill and [Service.Create].
func (m Mapped[T, In, Out]) Create(ctx context.Context, in In) (Out, error) {
	model := new(T)
	err := m.Fill(in, model)
	if err == nil {
		err = m.Service.Create(ctx, model)
	}
	return m.show(model, err)
}

// Change fills the row with this primary key with in and returns what it shows then. Errors: those of Fill and
// [Service.Change].
func (m Mapped[T, In, Out]) Change(ctx context.Context, in In, id ...any) (Out, error) {
	return m.show(m.Service.Change(ctx, func(model *T) error { return m.Fill(in, model) }, id...))
}

// Get returns what the row with this primary key shows. Errors: those of [Repository.Get].
func (m Mapped[T, In, Out]) Get(ctx context.Context, id ...any) (Out, error) {
	return m.show(m.Service.Rows().Get(ctx, id...))
}

// Delete deletes the row with this primary key. Errors: those of [Service.Delete].
func (m Mapped[T, In, Out]) Delete(ctx context.Context, id ...any) error {
	return m.Service.Delete(ctx, id...)
}

// List returns what the rows show, in their order. Errors: those of [Repository.List].
func (m Mapped[T, In, Out]) List(ctx context.Context, opts ListOptions) ([]Out, error) {
	rows, err := m.Service.Rows().List(ctx, opts)
	if err != nil {
		return nil, err
	}
	return MapAll(rows, m.Show), nil
}

func (m Mapped[T, In, Out]) show(model *T, err error) (Out, error) {
	if err != nil {
		var none Out
		return none, err
	}
	return m.Show(model), nil
}

// MapAll returns what show makes of each, in their order; never nil, so that JSON has [] and not null.
func MapAll[From, To any](all []From, show func(From) To) []To {
	shown := make([]To, len(all))
	for i, one := range all {
		shown[i] = show(one)
	}
	return shown
}
