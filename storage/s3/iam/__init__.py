"""Identity and access management: AWS's IAM and STS, as far as a store needs them.

Each storage account has one directory of users, groups, roles and policies (`model`): a single
object of the cluster's own account, replaced as a whole on the condition that it did not change
(`store`). So every IAM operation is a pure function over a directory, nothing is ever half done,
and what a request costs is one look at whether the directory changed.

`app` answers AWS's Query protocol (`parameters`, `response`), `operations` lists what there is,
`principals` finds whom a key stands for and what they may, `tokens` makes and reads the tokens of
sessions, `sts` hands them out.
"""
