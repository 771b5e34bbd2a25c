package activedirectory

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// The right DS-Replication-Get-Changes as its GUID is stored, and the bit of an access mask that stands for such rights
// ([MS-ADTS] section 5.1.3.2).
var replicationGetChanges, _ = guidOctets("1131f6aa-9c07-11d1-f79f-00c04fc2dcd2")

const controlAccess = 0x100

// mayReplicate looks at who may replicate the domain, and whether the account is one of them. Asking by DirSync does not
// tell: where the right is missing, some servers refuse, and others leave out who was deleted, without a word.
func (c *session) mayReplicate(ctx context.Context, token [][]byte) (bool, error) {
	head, err := c.one(ctx, c.domain, []string{"nTSecurityDescriptor"}, []ldap.Control{accessList})
	if err != nil || head == nil {
		return false, err
	}
	return grants(head.GetEqualFoldRawAttributeValue("nTSecurityDescriptor"), token), nil
}

// grants reports whether a security descriptor ([MS-DTYP] section 2.4.6) gives the right to one of the SIDs. The first entry
// that is about the right and one of them decides; what does not parse gives nothing.
func grants(descriptor []byte, token [][]byte) bool {
	if len(descriptor) < 20 {
		return false
	}
	at := binary.LittleEndian.Uint32(descriptor[16:])
	if at == 0 || uint64(at)+8 > uint64(len(descriptor)) {
		return false
	}
	list := descriptor[at:]
	count, rest := binary.LittleEndian.Uint16(list[4:]), list[8:]
	for range count {
		if len(rest) < 8 {
			return false
		}
		size := int(binary.LittleEndian.Uint16(rest[2:]))
		if size < 8 || size > len(rest) {
			return false
		}
		if kind, sid, about := entry(rest[:size]); about && slices.ContainsFunc(token, func(own []byte) bool { return bytes.Equal(own, sid) }) {
			return kind == allowed
		}
		rest = rest[size:]
	}
	return false
}

// The kinds of entries of an access list: with a GUID of what they are about, and without one.
const (
	allowed, denied             = 0x0, 0x1
	allowedObject, deniedObject = 0x5, 0x6
	// inheritOnly marks an entry that is about objects below this one.
	inheritOnly = 0x8
)

// entry reads one entry of an access list ([MS-DTYP] section 2.4.4). It reports false for one that is not about the right.
func entry(ace []byte) (kind byte, sid []byte, about bool) {
	kind, flags := ace[0], ace[1]
	if flags&inheritOnly != 0 || binary.LittleEndian.Uint32(ace[4:])&controlAccess == 0 {
		return 0, nil, false
	}
	switch rest := ace[8:]; kind {
	case allowed, denied:
		return kind, trimmed(rest), true
	case allowedObject, deniedObject:
		if len(rest) < 4 {
			return 0, nil, false
		}
		has := binary.LittleEndian.Uint32(rest)
		rest = rest[4:]
		if has&1 != 0 { // what it is about
			if len(rest) < 16 || !bytes.Equal(rest[:16], replicationGetChanges) {
				return 0, nil, false
			}
			rest = rest[16:]
		}
		if has&2 != 0 { // whom of those below it is about
			if len(rest) < 16 {
				return 0, nil, false
			}
			rest = rest[16:]
		}
		return kind - allowedObject, trimmed(rest), true
	}
	return 0, nil, false
}

// trimmed is the SID that some bytes begin with.
func trimmed(octets []byte) []byte {
	if len(octets) < 8 {
		return nil
	}
	return octets[:min(len(octets), 8+4*int(octets[1]))]
}
