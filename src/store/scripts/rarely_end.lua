    return guard_find, guard_holds, guard_refuses, guard_slows, mention_tell
end
