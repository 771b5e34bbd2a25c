package directory

import "context"

// Apply commits a change set whole, or fails and leaves nothing behind.
func (d *Directory) Apply(ctx context.Context, c Changes) (*Result, error) {
	panic("to come")
}
