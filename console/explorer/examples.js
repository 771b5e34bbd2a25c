// The queries in the menu of examples, and names of this Roster to try them with.

import { ask } from './transport.js'

const SAMPLES = `query Samples {
  users(first: 50) {
    nodes {
      fqn
      manager {
        fqn
      }
      memberOf(scope: EFFECTIVE, first: 50) {
        nodes {
          fqn
        }
      }
    }
  }
}`

// samples finds a user, with a manager where there is one, and a group that the user is in, by a path if possible.
// Where nothing may be read, the names are empty.
export async function samples(token) {
  try {
    const { value } = await ask({ query: SAMPLES }, token)
    const users = value?.data?.users?.nodes ?? []
    const score = (user) => (user.manager ? 100 : 0) + user.memberOf.nodes.length
    const best = users.toSorted((a, b) => score(b) - score(a))[0]
    return { user: best?.fqn ?? '', group: best?.memberOf.nodes.at(-1)?.fqn ?? '' }
  } catch {
    return { user: '', group: '' }
  }
}

export const EXAMPLES = [
  {
    title: 'Search people',
    query: `query SearchPeople($text: String!) {
  users(search: $text, first: 10) {
    nodes {
      displayName
      userName
      email
      fqn
    }
    totalCount
  }
}
`,
    variables: () => ({ text: 'a' }),
  },
  {
    title: 'Follow a manager',
    query: `query Managers($fqn: String!) {
  identity(fqn: $fqn) {
    displayName
    ... on User {
      manager {
        displayName
        email
        manager {
          displayName
          email
        }
      }
      reports(first: 20) {
        nodes {
          displayName
        }
      }
    }
  }
}
`,
    variables: ({ user }) => ({ fqn: user }),
  },
  {
    title: 'Who is in a group, nested groups included',
    query: `query EffectiveMembers($fqn: String!) {
  identity(fqn: $fqn) {
    displayName
    ... on Container {
      memberCount(scope: EFFECTIVE, kind: USER)
      members(scope: EFFECTIVE, kind: USER, first: 100) {
        edges {
          isDirect
          node {
            displayName
            fqn
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
}
`,
    variables: ({ group }) => ({ fqn: group }),
  },
  {
    title: 'Resolve names to the people behind them',
    query: `query Resolve($fqns: [String!]!) {
  resolve(fqns: $fqns) {
    asOf
    results {
      fqn
      status
      identity {
        kind
        displayName
      }
      users(first: 50) {
        totalCount
        nodes {
          fqn
          email
        }
      }
    }
  }
}
`,
    variables: ({ user, group }) => ({ fqns: [group, user] }),
  },
  {
    title: 'Check a membership, and see its path',
    query: `query Check($member: String!, $container: String!) {
  checkMembership(
    checks: [{ member: $member, container: $container }]
  ) {
    isMember
    memberStatus
    containerStatus
    path {
      kind
      fqn
    }
  }
}
`,
    variables: ({ user, group }) => ({ member: user, container: group }),
  },
  {
    title: 'Read the feed of changes',
    query: `query Changes($after: Cursor) {
  changes(first: 20, after: $after) {
    nodes {
      at
      kind
      fqn
      container {
        fqn
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: () => ({ after: null }),
  },
  {
    title: 'Watch changes as they happen',
    query: `subscription Watch {
  changes {
    at
    kind
    fqn
    container {
      fqn
    }
  }
}
`,
    variables: () => ({}),
  },
  {
    title: 'Who am I, and what may I do',
    query: `query Viewer {
  viewer {
    name
    scopes
    identity {
      fqn
    }
  }
}
`,
    variables: () => ({}),
  },
]
