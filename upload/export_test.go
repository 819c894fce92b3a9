package upload

// OwnKey is what tests see of a key that vodkit makes.
type OwnKey struct {
	ID, Attempt string
	Source      bool
}

// OwnKeyOf takes a key apart as the sweeper does.
func OwnKeyOf(key string) (OwnKey, bool) {
	k, ok := ownKeyOf(key)
	return OwnKey{k.id, k.attempt, k.source}, ok
}

// MasterRefers tells which attempts a multivariant playlist refers to.
var MasterRefers = masterRefers
