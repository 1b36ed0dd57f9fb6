import Testing

@testable import SandboxKit

@Suite struct CgroupMountsTests {
    @Test func `finds the controllers of a machine with version 1`() {
        let mounts = CgroupMounts.parse(
            mountinfo: """
                31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
                35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
                39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
                41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
                """,
            cgroup: """
                8:pids:/
                4:memory:/user/one
                0::/
                """)
        #expect(
            mounts.v1 == [
                "memory": "/sys/fs/cgroup/memory/user/one", "pids": "/sys/fs/cgroup/pids",
            ])
        #expect(mounts.unified?.mount == "/sys/fs/cgroup/unified")
        #expect(mounts.unified?.own == "/sys/fs/cgroup/unified")
    }

    @Test func `finds its own group in the one tree of version 2`() {
        let mounts = CgroupMounts.parse(
            mountinfo:
                "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate",
            cgroup: "0::/user.slice/user-1000.slice/session.scope\n")
        #expect(mounts.v1.isEmpty)
        #expect(mounts.unified?.own == "/sys/fs/cgroup/user.slice/user-1000.slice/session.scope")
    }

    @Test func `takes a container's part of the tree for the whole`() {
        let mounts = CgroupMounts.parse(
            mountinfo: "30 23 0:26 /box/42 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
            cgroup: "4:memory:/box/42/inner")
        #expect(mounts.v1["memory"] == "/sys/fs/cgroup/memory/inner")
    }

    @Test func `finds nothing where nothing is mounted`() {
        let mounts = CgroupMounts.parse(mountinfo: "1 1 0:1 / / rw - ext4 /dev/vda rw", cgroup: "")
        #expect(mounts.v1.isEmpty)
        #expect(mounts.unified == nil)
    }
}
